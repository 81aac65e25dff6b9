{{/*
readygate.toml and the schema, as data of one ConfigMap. Its name carries a hash of the data and it is immutable: a pod
of an older revision that restarts meets the schema that it was made for, and a changed setting rolls the pods.
*/}}

{{/* One value in TOML. */}}
{{- define "readygate.toml.value" -}}
{{- if kindIs "map" . -}}
{ {{- range $i, $key := keys . | sortAlpha }}{{ if $i }},{{ end }} {{ $key }} = {{ include "readygate.toml.value" (index $ $key) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{- range $i, $one := . }}{{ if $i }}, {{ end }}{{ include "readygate.toml.value" $one }}{{ end }}]
{{- else if kindIs "string" . }}{{ toJson . }}
{{- else if kindIs "float64" . }}{{ if eq . (floor .) }}{{ printf "%d" (int64 .) }}{{ else }}{{ . }}{{ end }}
{{- else }}{{ . }}{{ end -}}
{{- end }}

{{/* The lines of one table. */}}
{{- define "readygate.toml.lines" -}}
{{- range $key := keys . | sortAlpha }}
{{ $key }} = {{ include "readygate.toml.value" (index $ $key) }}
{{- end }}
{{- end }}

{{/* The whole file: dict of readygate.pod, with initMode, and `once` where no sidecar reads it. */}}
{{- define "readygate.toml" -}}
{{- $gate := . -}}
{{- $values := include "readygate.values" . | fromYaml -}}
{{- $ours := list "schema" "kubernetes" "check" "otlp" "webhook" "mongodb.uri" "mongodb.uri_file" "mongodb.database" "gate.listen" "gate.socket" "gate.drain_delay" "init.mode" "init.timeout" -}}
{{- range $table, $keys := $values.config }}
{{- if has $table $ours }}{{ fail (printf "readygate: config.%s is written by the chart: use its own value" $table) }}{{ end }}
{{- range $key, $_ := $keys }}
{{- if has (printf "%s.%s" $table $key) $ours }}{{ fail (printf "readygate: config.%s.%s is written by the chart: use its own value" $table $key) }}{{ end }}
{{- end }}
{{- end -}}
{{- $mongodb := dict "uri_file" "/run/secrets/readygate/uri" -}}
{{- with $values.mongodb.database }}{{ $_ := set $mongodb "database" . }}{{ end -}}
{{- $drain := dict -}}
{{- if eq (include "readygate.mode" .) "container" }}{{ $_ := set $drain "drain_delay" (printf "%ds" (sub (include "readygate.graceSeconds" . | int) 5)) }}{{ end -}}
{{- $init := dict "mode" .initMode "timeout" (printf "%ds" (int $values.initTimeoutSeconds)) -}}
{{- $tables := mustMergeOverwrite (dict) ($values.config | deepCopy) (dict "mongodb" $mongodb "gate" $drain "init" $init) -}}
# Written by Helm.
schema = "/etc/readygate-schema"
{{- range $table := keys $tables | sortAlpha }}
{{- if index $tables $table }}

[{{ $table }}]
{{- include "readygate.toml.lines" (index $tables $table) }}
{{- end }}
{{- end }}
{{- if and (eq (include "readygate.talks" .) "yes") (not .once) }}

[kubernetes]
condition = {{ $values.kubernetes.condition }}
events = {{ $values.kubernetes.events }}
{{- with $values.kubernetes.host }}
host = {{ toJson . }}
port = {{ int $values.kubernetes.port }}
{{- end }}
{{- end }}
{{- range $table := list "otlp" "webhook" }}
{{- with index $values $table }}

[{{ $table }}]
{{- include "readygate.toml.lines" . }}
{{- end }}
{{- end }}
{{- range $values.checks }}

[[check]]
{{- include "readygate.toml.lines" . }}
{{- end }}
{{ end }}

{{/* The schema's files of the values or of the chart, by name, in YAML; {} where it comes from elsewhere. */}}
{{- define "readygate.schemaFiles" -}}
{{- $schema := (include "readygate.values" . | fromYaml).schema -}}
{{- $sources := 0 -}}
{{- range list $schema.files $schema.configMap $schema.imageFolder.path }}{{ if . }}{{ $sources = add1 $sources }}{{ end }}{{ end -}}
{{- if gt (int $sources) 1 }}{{ fail "readygate: more than one schema: give one of schema.files, schema.configMap and schema.imageFolder.path" }}{{ end -}}
{{- $glob := and (not $sources) $schema.glob -}}
{{- if not (or $sources $glob) }}{{ fail "readygate: no schema: give schema.files, schema.glob, schema.configMap or schema.imageFolder.path" }}{{ end -}}
{{- $files := dict -}}
{{- range $name, $text := $schema.files }}{{ $_ := set $files $name $text }}{{ end -}}
{{- if $glob }}
{{- range $path, $bytes := .root.Files.Glob $schema.glob }}{{ $_ := set $files (base $path) (toString $bytes) }}{{ end }}
{{- if not $files }}{{ fail (printf "readygate: schema.glob %q matches no file of the chart" $schema.glob) }}{{ end }}
{{- end -}}
{{- if hasKey $files "readygate.toml" }}{{ fail "readygate: a schema file may not be called readygate.toml" }}{{ end -}}
{{- if and $files (not (regexMatch "\\.toml( |$)" (keys $files | join " "))) }}{{ fail "readygate: no schema file is called *.toml" }}{{ end -}}
{{- toYaml $files -}}
{{- end }}

{{- define "readygate.data" -}}
{{- $data := include "readygate.schemaFiles" . | fromYaml -}}
{{- $_ := set $data "readygate.toml" (include "readygate.toml" .) -}}
{{- toYaml $data -}}
{{- end }}

{{/* The ConfigMap's name: dict of readygate.pod, with initMode. */}}
{{- define "readygate.configName" -}}
{{ include "readygate.name" . }}-gate-{{ include "readygate.data" . | sha256sum | trunc 10 }}
{{- end }}
