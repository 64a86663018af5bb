{{- define "metallb.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "metallb.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* The name of a part: "controller" in the plain manifests, "<fullname>-controller" in a release. */}}
{{- define "metallb.part" -}}
{{- $root := index . 0 }}{{- $part := index . 1 }}
{{- if $root.Values.plainNames }}{{ $part }}{{ else }}{{ include "metallb.fullname" $root }}-{{ $part }}{{ end }}
{{- end }}

{{/* The name of an object of the whole cluster. */}}
{{- define "metallb.clusterPart" -}}
{{- $root := index . 0 }}{{- $part := index . 1 }}
{{- if $root.Values.plainNames }}{{ $root.Release.Namespace }}:{{ $part }}{{ else }}{{ include "metallb.fullname" $root }}:{{ $part }}{{ end }}
{{- end }}

{{- define "metallb.labels" -}}
{{- if .Values.plainNames -}}
app: metallb
{{- else -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "metallb.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- end }}

{{- define "metallb.selectorLabels" -}}
{{- if .Values.plainNames -}}
app: metallb
{{- else -}}
app.kubernetes.io/name: {{ include "metallb.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- end }}

{{/* The label that tells controller from speaker; a list of root and part. */}}
{{- define "metallb.componentLabel" -}}
{{- $root := index . 0 }}{{- $part := index . 1 }}
{{- if $root.Values.plainNames }}component: {{ $part }}{{ else }}app.kubernetes.io/component: {{ $part }}{{ end }}
{{- end }}

{{/* As a selector on one line, for the speakers' discovery of each other. */}}
{{- define "metallb.speakerSelector" -}}
{{- if .Values.plainNames -}}
app=metallb,component=speaker
{{- else -}}
app.kubernetes.io/name={{ include "metallb.name" . }},app.kubernetes.io/instance={{ .Release.Name }},app.kubernetes.io/component=speaker
{{- end }}
{{- end }}

{{- define "metallb.serviceAccount" -}}
{{- $root := index . 0 }}{{- $part := index . 1 }}{{- $account := (index $root.Values $part).serviceAccount }}
{{- if $account.create }}{{ default (include "metallb.part" (list $root $part)) $account.name }}{{ else }}{{ default "default" $account.name }}{{ end }}
{{- end }}

{{- define "metallb.memberlistSecret" -}}
{{- default (include "metallb.part" (list . "memberlist")) .Values.speaker.secretName }}
{{- end }}

{{- define "metallb.image" -}}
{{- $root := index . 0 }}{{- $image := (index $root.Values (index . 1)).image }}
{{- printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) | quote }}
{{- end }}

{{/* Flags that both programs take. */}}
{{- define "metallb.commonFlags" -}}
{{- $root := index . 0 }}{{- $part := index . 1 }}{{- $values := index $root.Values $part }}
- --port={{ $root.Values.prometheus.metricsPort }}
- --log-level={{ $values.logLevel }}
{{- if ne (int $values.livenessProbe.port) 17472 }}
- --health-probe-port={{ $values.livenessProbe.port }}
{{- end }}
{{- with $root.Values.loadBalancerClass }}
- --lb-class={{ . }}
{{- end }}
{{- with $root.Values.tls.minVersion }}
- --tls-min-version={{ . }}
{{- end }}
{{- with $root.Values.tls.cipherSuites }}
- --tls-cipher-suites={{ . }}
{{- end }}
{{- with $root.Values.tls.curvePreferences }}
- --tls-curve-preferences={{ . }}
{{- end }}
{{- if index $root.Values.tls (printf "%sMetricsTLSSecret" $part) }}
- --metrics-cert-dir=/var/run/metallb/metrics-certs
{{- end }}
{{- end }}

{{- define "metallb.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ .probe.port }}
  {{- with .host }}
  host: {{ . }}
  {{- end }}
{{- range $key := list "initialDelaySeconds" "periodSeconds" "timeoutSeconds" "successThreshold" "failureThreshold" }}
{{- if hasKey $.probe $key }}
{{ $key }}: {{ index $.probe $key }}
{{- end }}
{{- end }}
{{- end }}

{{- define "metallb.pullPolicy" -}}
{{- with . }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}

{{- define "metallb.scrape" -}}
{{- if and .Values.prometheus.scrapeAnnotations (gt (int .Values.prometheus.metricsPort) 0) }}
prometheus.io/scrape: "true"
prometheus.io/scheme: https
prometheus.io/port: {{ .Values.prometheus.metricsPort | quote }}
{{- end }}
{{- end }}
