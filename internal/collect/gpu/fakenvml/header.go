//go:build nvml_header

package fakenvml

// The tests compile a library against nvml.h, which lies in this module's cache. The
// import keeps the module in go.mod; no build has its tag.
import _ "github.com/NVIDIA/go-nvml/pkg/nvml"
