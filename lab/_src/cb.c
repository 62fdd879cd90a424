int cb(void); int f(void){return cb();}
