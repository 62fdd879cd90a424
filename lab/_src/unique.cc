template<class T> struct Counter { static T value; };
template<class T> T Counter<T>::value = 42;
extern "C" int f(void) { return Counter<int>::value; }
