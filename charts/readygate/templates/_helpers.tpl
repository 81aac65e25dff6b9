{{/* What every helper of the library takes. */}}
{{- define "chart.gate" -}}
{{- $pod := .Values.pod -}}
{{- if not $pod }}{{ $pod = include "chart.example" . | fromYaml }}{{ end -}}
{{- if and .Values.topologySpread (not $pod.topologySpreadConstraints) -}}
{{- $spread := list -}}
{{- range .Values.topologySpread }}{{ $spread = append $spread (merge (dict "labelSelector" (dict "matchLabels" (include "chart.selector" $ | fromYaml))) .) }}{{ end -}}
{{- $pod = merge (dict "topologySpreadConstraints" $spread) $pod -}}
{{- end -}}
{{- toYaml (dict "pod" $pod) -}}
{{- end }}

{{- define "chart.selector" -}}
app.kubernetes.io/name: {{ include "readygate.name" (dict "root" .) }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* examples/rebalancer. Its liveness asks for the port alone: /health is about the database. */}}
{{- define "chart.example" -}}
{{- $example := .Values.example -}}
{{- $secret := .Values.readygate.mongodb.uriSecret -}}
containers:
  - name: rebalancer
    image: "{{ $example.image.repository }}:{{ $example.image.tag }}"
    imagePullPolicy: {{ $example.image.pullPolicy }}
    command: [uvicorn, "rebalancer.app:app", --host, "0.0.0.0", --port, "8000"]
    env:
      - { name: MONGODB_URI, valueFrom: { secretKeyRef: { name: {{ $secret.name | quote }}, key: {{ $secret.key | quote }} } } }
      - { name: MONGODB_DATABASE, value: {{ $example.database | quote }} }
    ports:
      - { name: http, containerPort: 8000 }
    readinessProbe: { httpGet: { path: /health, port: 8000 }, periodSeconds: 5, timeoutSeconds: 5 }
    livenessProbe: { tcpSocket: { port: 8000 }, periodSeconds: 10, timeoutSeconds: 5 }
    resources: {{- toYaml $example.resources | nindent 6 }}
    securityContext: { runAsUser: 65532, readOnlyRootFilesystem: true }
{{- end }}
