package loader

func (s *start) dlopens() {}
func (s *start) dlopen()  {}
