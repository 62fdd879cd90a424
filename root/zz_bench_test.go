package root
import ("testing";"bytes";"io";"context";"archive/tar")
func BenchmarkSeed(b *testing.B){
 d:=tarOf([]entry{{name: "../../etc/passwd", body: "x"}, {name: "/abs", typ: tar.TypeSymlink, link: "../../.."}, {name: "h", typ: tar.TypeLink, link: "abs"}})
 for range b.N { r,err:=openArchive(context.Background(), io.NewSectionReader(bytes.NewReader(d),0,int64(len(d))), io.NopCloser(nil)); if err==nil {r.Close()} }
}
func BenchmarkGz(b *testing.B){
 d:=gz(tarOf([]entry{{name: "a/b", body: "c"}}))
 for range b.N { r,err:=openArchive(context.Background(), io.NewSectionReader(bytes.NewReader(d),0,int64(len(d))), io.NopCloser(nil)); if err==nil {r.Close()} }
}
