__thread int t=42; int f(void){return t;}
