package report

// svgStyle works in every viewer: no variables, no fonts or files from
// elsewhere. Colours are light ones, and dark where the reader likes it dark.
const svgStyle = `
.ground{fill:#fff}
text{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI","DejaVu Sans",Helvetica,Arial,sans-serif;fill:#1f2328}
.head{font-size:17px;font-weight:700}
.sub{font-size:12px;fill:#59636e}
.name{font-size:13px;font-weight:700}
.small{font-size:10.5px;fill:#59636e}
.box rect{fill:#f6f8fa;stroke:#afb8c1;stroke-width:1}
.subject rect{fill:#ddf4ff;stroke:#218bff;stroke-width:1.5}
.chain rect{stroke:#cf222e}
.missing rect{fill:#fff0ee;stroke:#cf222e;stroke-width:1.5;stroke-dasharray:5 3}
.missing .name,.bad{fill:#cf222e}
.unsearched rect{stroke-dasharray:5 3}
.to path{fill:none;stroke:#8c959f;stroke-width:1.1}
.to .tip{fill:#8c959f;stroke:none}
.c1 path{stroke:#6ba4d9}.c1 .tip{fill:#6ba4d9}
.c2 path{stroke:#79b06a}.c2 .tip{fill:#79b06a}
.c3 path{stroke:#b28fd0}.c3 .tip{fill:#b28fd0}
.c4 path{stroke:#cda24c}.c4 .tip{fill:#cda24c}
.c5 path{stroke:#5cb3ad}.c5 .tip{fill:#5cb3ad}
.to .red{stroke:#cf222e;stroke-width:1.4}.to .red.tip{fill:#cf222e;stroke:none}
.to:hover path{stroke-width:2.6}
@media (prefers-color-scheme:dark){
.ground{fill:#0d1117}text{fill:#e6edf3}.sub,.small{fill:#9198a1}
.box rect{fill:#161b22;stroke:#3d444d}.subject rect{fill:#0c2d6b;stroke:#4493f8}
.chain rect{stroke:#f85149}.missing rect{fill:#3c1316;stroke:#f85149}
.missing .name,.bad{fill:#ff7b72}
.to .red{stroke:#f85149}.to .red.tip{fill:#f85149}
}
@media print{.ground{fill:#fff}}
`
