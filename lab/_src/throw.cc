#include <cstdio>
#include <stdexcept>
int main() { std::puts("MARK"); std::fflush(stdout); try { throw std::runtime_error("x"); } catch (std::exception &) { return 0; } return 1; }
