{{/* The pieces that all three ways to run have in common: one build, a CronJob, a RayCronJob. */}}

{{- define "pagemill.labels" -}}
app.kubernetes.io/name: pagemill
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of the RayJob. Kueue admits a job that scales by itself only when the annotation says so. */}}
{{- define "pagemill.jobMetadata" -}}
labels:
  {{- include "pagemill.labels" . | nindent 2 }}
  {{- with .Values.queue }}
  kueue.x-k8s.io/queue-name: {{ . }}
  {{- end }}
{{- if .Values.queue }}
annotations:
  kueue.x-k8s.io/elastic-job: "true"
{{- end }}
{{- end }}

{{- define "pagemill.entrypoint" -}}
pagemill {{ ternary "build" "nightly" (eq .Values.run "build") }} /etc/pagemill/pagemill.yaml
{{- end }}

{{- define "pagemill.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
{{- end }}

{{- define "pagemill.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* The port on which every Ray node answers with its metrics. */}}
{{- define "pagemill.scraped" -}}
prometheus.io/scrape: "true"
prometheus.io/port: "8080"
prometheus.io/path: /metrics
{{- end }}

{{/* What containers of Ray have in common. */}}
{{- define "pagemill.container" -}}
imagePullPolicy: IfNotPresent
securityContext:
  {{- include "pagemill.containerSecurity" . | nindent 2 }}
{{- with .Values.secret }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
lifecycle:
  preStop:                    # the raylet says that it leaves, and Ray need not find out by 15 s of silence
    exec: {command: [/bin/sh, -c, ray stop]}
{{- end }}

{{- define "pagemill.rayJobSpec" -}}
entrypoint: {{ include "pagemill.entrypoint" . }}
submissionMode: K8sJobMode
backoffLimit: {{ .Values.retries }}
shutdownAfterJobFinishes: true
ttlSecondsAfterFinished: 600  # time to look at a head that failed
{{- with .Values.deadlineSeconds }}
activeDeadlineSeconds: {{ . }}
{{- end }}
submitterPodTemplate:
  metadata:
    labels:
      {{- include "pagemill.labels" . | nindent 6 }}
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    {{- with .Values.imagePullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- include "pagemill.podSecurity" . | nindent 6 }}
    containers:
      - name: ray-job-submitter
        image: {{ .Values.images.cpu }}
        imagePullPolicy: IfNotPresent
        securityContext:
          {{- include "pagemill.containerSecurity" . | nindent 10 }}
        resources:
          requests: {cpu: 250m, memory: 512Mi}
          limits: {memory: 1Gi}
rayClusterSpec:
  rayVersion: 2.60.0
  authOptions: {mode: token}  # KubeRay makes the token; whoever reaches a port without it is refused
  enableInTreeAutoscaling: true
  autoscalerOptions:
    version: v2
    idleTimeoutSeconds: {{ .Values.idleSeconds }}
    resources:
      requests: {cpu: 250m, memory: 512Mi}
      limits: {memory: 1Gi}
  headGroupSpec:
    rayStartParams:
      num-cpus: "0"           # no actor and no task on the node that must not die
      dashboard-host: 0.0.0.0
      object-store-memory: "1000000000"
    template:
      {{- include "pagemill.headPod" . | nindent 6 }}
  workerGroupSpecs:
    {{- range $name, $group := .Values.groups }}
    - groupName: {{ $name }}
      replicas: {{ $group.minPods }}
      minReplicas: {{ $group.minPods }}
      maxReplicas: {{ $group.maxPods }}
      rayStartParams:
        num-cpus: {{ $group.rayCpus | quote }}
        {{- if $group.gpus }}
        num-gpus: {{ $group.gpus | quote }}
        {{- end }}
        object-store-memory: {{ $group.objectStoreBytes | int64 | quote }}
      template:
        {{- include "pagemill.workerPod" (dict "root" $ "group" $group) | nindent 8 }}
    {{- end }}
{{- end }}
