{{/* Pods of the head and of a worker group. */}}

{{- define "pagemill.headPod" -}}
metadata:
  labels:
    {{- include "pagemill.labels" . | nindent 4 }}
    app.kubernetes.io/component: head
  annotations:
    {{- include "pagemill.scraped" . | nindent 4 }}
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    karpenter.sh/do-not-disrupt: "true"
spec:
  serviceAccountName: {{ .Release.Name }}
  restartPolicy: Never
  terminationGracePeriodSeconds: 60   # the driver gives its shards up and its lease back
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.head.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.head.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "pagemill.podSecurity" . | nindent 4 }}
  containers:
    - name: ray-head
      image: {{ .Values.images.cpu }}
      {{- include "pagemill.container" . | nindent 6 }}
      ports:
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: metrics, containerPort: 8080}
      resources:
        requests: {cpu: {{ .Values.head.cpu }}, memory: {{ .Values.head.memory }}}
        limits: {memory: {{ .Values.head.memory }}}
      volumeMounts:
        - {name: config, mountPath: /etc/pagemill, readOnly: true}
        - {name: shm, mountPath: /dev/shm}
  volumes:
    - name: config
      configMap: {name: {{ .Release.Name }}-config}
    - name: shm
      emptyDir: {medium: Memory, sizeLimit: 1Gi}
{{- end }}

{{- define "pagemill.workerPod" -}}
{{- $root := .root -}}
{{- $group := .group -}}
metadata:
  labels:
    {{- include "pagemill.labels" $root | nindent 4 }}
    app.kubernetes.io/component: worker
  annotations:
    {{- include "pagemill.scraped" $root | nindent 4 }}
spec:
  serviceAccountName: {{ $root.Release.Name }}
  automountServiceAccountToken: false
  restartPolicy: Never
  # A shard is one put: what a worker has in work is given up whole and read again elsewhere, so there is nothing to wait for
  # and a spot node's two minutes are plenty.
  terminationGracePeriodSeconds: 30
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  tolerations:
    {{- if $group.spot }}
    - {key: kubernetes.azure.com/scalesetpriority, operator: Equal, value: spot, effect: NoSchedule}
    - {key: cloud.google.com/gke-spot, operator: Equal, value: "true", effect: NoSchedule}
    - {key: spot, operator: Exists, effect: NoSchedule}      # AWS has no taint of its own: give a node group this one
    {{- end }}
    {{- with $group.tolerations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  securityContext:
    {{- include "pagemill.podSecurity" $root | nindent 4 }}
  containers:
    - name: ray-worker
      image: {{ index $root.Values.images $group.image }}
      {{- include "pagemill.container" $root | nindent 6 }}
      {{- if $group.gpus }}
      env:
        - {name: HF_HOME, value: /models/huggingface}
        - {name: VLLM_CACHE_ROOT, value: /models/vllm}
      {{- end }}
      ports:
        - {name: metrics, containerPort: 8080}
      resources:
        requests:
          cpu: {{ $group.cpu }}
          memory: {{ $group.memory }}
          {{- if $group.gpus }}
          nvidia.com/gpu: {{ $group.gpus }}
          {{- end }}
        limits:                # no limit on processors: a throttled worker is a GPU that waits
          memory: {{ $group.memory }}
          {{- if $group.gpus }}
          nvidia.com/gpu: {{ $group.gpus }}
          {{- end }}
      volumeMounts:
        - {name: shm, mountPath: /dev/shm}
        {{- if $group.gpus }}
        - {name: models, mountPath: /models}
        {{- end }}
  volumes:
    - name: shm
      emptyDir: {medium: Memory, sizeLimit: {{ $group.shm }}}
    {{- if $group.gpus }}
    - name: models
      persistentVolumeClaim: {claimName: {{ $root.Release.Name }}-models}
    {{- end }}
{{- end }}
