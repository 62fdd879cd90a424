package diagnosis

// Cause is the stable name of a reason; docs/causes has a page for each.
type Cause string

// Causes of a start that fails or is threatened.
const (
	NotExecutable       Cause = "not-executable"
	NotAProgram         Cause = "not-a-program"
	WrongMachine        Cause = "wrong-machine"
	WrongSystem         Cause = "wrong-system"
	InterpreterMissing  Cause = "interpreter-missing"
	InterpreterUnusable Cause = "interpreter-unusable"
	LibraryMissing      Cause = "library-missing"
	LibraryUnusable     Cause = "library-unusable"
	VersionMissing      Cause = "version-missing"
	SymbolMissing       Cause = "symbol-missing"
	KernelTooOld        Cause = "kernel-too-old"
	CPUTooOld           Cause = "cpu-too-old"
	LoaderRefused       Cause = "loader-refused"
	DlopenMissing       Cause = "dlopen-missing"
	NSSMismatch         Cause = "nss-mismatch"
	DataMissing         Cause = "data-missing"
	LibcMixed           Cause = "libc-mixed"
	PageSize            Cause = "page-size"
	TLSExhausted        Cause = "tls-exhausted"
	PluginMismatch      Cause = "plugin-mismatch"
	TargetEndOfLife     Cause = "target-end-of-life"
	PackageRequires     Cause = "package-requires"
)

// Causes lists every cause that this version can give, in the order of the
// way from the file to main.
var Causes = []Cause{
	NotExecutable, NotAProgram, WrongMachine, WrongSystem,
	InterpreterMissing, InterpreterUnusable,
	LibraryMissing, LibraryUnusable, VersionMissing, SymbolMissing,
	KernelTooOld, CPUTooOld, PageSize, TLSExhausted, LibcMixed, LoaderRefused,
	DlopenMissing, PluginMismatch, NSSMismatch, DataMissing,
	TargetEndOfLife, PackageRequires,
}
