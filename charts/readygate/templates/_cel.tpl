{{/* Makes a list of the pod spec where it is absent. */}}
{{- define "chart.list" -}}
(has(object.spec.{{ . }}) ? [] : [JSONPatch{op: "add", path: "/spec/{{ . }}", value: []}])
{{- end }}

{{/*
A value in CEL: dict value, type. An object has a type there, named after its place; what the API calls a map (quantities
by resource) is a map.
*/}}
{{- define "chart.cel" -}}
{{- $type := .type -}}
{{- $map := regexMatch "\\.(requests|limits)$" $type -}}
{{- if kindIs "map" .value -}}
{{ if not $map }}{{ $type }}{{ end }}{
{{- range $i, $key := keys .value | sortAlpha -}}
{{- if $i }}, {{ end }}{{ if $map }}{{ toJson $key }}{{ else }}{{ $key }}{{ end }}: {{ include "chart.cel" (dict "value" (index $.value $key) "type" (printf "%s.%s" $type $key)) }}
{{- end }}}
{{- else if kindIs "slice" .value -}}
[{{ range $i, $one := .value }}{{ if $i }}, {{ end }}{{ include "chart.cel" (dict "value" $one "type" $type) }}{{ end }}]
{{- else }}{{ toJson .value }}{{ end -}}
{{- end }}
