__thread char big[SIZE]; int f(void){return big[7]+42;}
