// A libnvidia-ml.so.1 that answers from a table, for machines without a GPU. It is
// compiled against NVIDIA's own nvml.h, so that a wrong offset in our layouts differs
// from it. The table is the file FAKE_NVML_TABLE, read again at each call: lines of
// "KEY VALUE". A value is a number or text, "!CODE" for a return code, "hang" for a
// call that never returns, "crash" for one that ends the process, "slow MS VALUE" for
// one that returns late. What the table does not have is not supported. Each call on a device is logged to FAKE_NVML_LOG.
#include <nvml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define MAX_DEVICES 512

struct device {
	char prefix[32]; // "3." or "3.mig.1."
};

struct sample {
	char prefix[48]; // "3.gpm." or "3.gi.9.gpm."
	double seconds;
	double counters[NVML_GPM_METRIC_MAX];
};

static struct device devices[MAX_DEVICES];
static int known;
static int events_seen;

// lookup finds the value of prefix+key.
static int lookup(const char *prefix, const char *key, char *value, size_t size) {
	const char *path = getenv("FAKE_NVML_TABLE");
	FILE *f = path ? fopen(path, "r") : NULL;
	char want[128], line[512];
	snprintf(want, sizeof want, "%s%s ", prefix, key);
	int found = 0;
	while (f && !found && fgets(line, sizeof line, f)) {
		if (strncmp(line, want, strlen(want)) == 0) {
			line[strcspn(line, "\n")] = 0;
			snprintf(value, size, "%s", line + strlen(want));
			found = 1;
		}
	}
	if (f) fclose(f);
	return found;
}

static void note(const char *function, const char *prefix) {
	const char *path = getenv("FAKE_NVML_LOG");
	FILE *f = path ? fopen(path, "a") : NULL;
	if (!f) return;
	fprintf(f, "%s %s\n", function, prefix);
	fclose(f);
}

// answer reads a value and does what it says.
static nvmlReturn_t answer(const char *function, const char *prefix, const char *key, char *value, size_t size) {
	note(function, prefix);
	char all[16];
	if (lookup(prefix, "all", all, sizeof all)) snprintf(value, size, "%s", all); // one answer for a whole device
	else if (!lookup(prefix, key, value, size)) return NVML_ERROR_NOT_SUPPORTED;
	if (strcmp(value, "hang") == 0) for (;;) pause();
	if (strcmp(value, "crash") == 0) abort();
	unsigned int ms;
	int begin = 0;
	if (sscanf(value, "slow %u %n", &ms, &begin) == 1 && begin > 0) {
		usleep(ms * 1000);
		memmove(value, value + begin, strlen(value + begin) + 1);
	}
	if (value[0] == '!') return atoi(value + 1);
	return NVML_SUCCESS;
}

static nvmlReturn_t get_uint(const char *function, const char *prefix, const char *key, unsigned int *out) {
	char v[256];
	nvmlReturn_t r = answer(function, prefix, key, v, sizeof v);
	if (r == NVML_SUCCESS) *out = strtoul(v, NULL, 0);
	return r;
}

static nvmlReturn_t get_text(const char *function, const char *prefix, const char *key, char *out, unsigned int length) {
	char v[256];
	nvmlReturn_t r = answer(function, prefix, key, v, sizeof v);
	if (r == NVML_SUCCESS) snprintf(out, length, "%s", v);
	return r;
}

static unsigned long long number(const char *prefix, const char *key) {
	char v[256];
	return lookup(prefix, key, v, sizeof v) ? strtoull(v, NULL, 0) : 0;
}

static nvmlDevice_t handle(const char *prefix) {
	int i = 0;
	while (i < known && strcmp(devices[i].prefix, prefix) != 0) i++;
	if (i == known) snprintf(devices[known++].prefix, sizeof devices[i].prefix, "%s", prefix);
	return (nvmlDevice_t){(struct nvmlDevice_st *)&devices[i]};
}

static const char *prefix_of(nvmlDevice_t d) { return ((struct device *)d.handle)->prefix; }

#define UINT_CALL(function, key) \
	EXPORT nvmlReturn_t function(nvmlDevice_t d, unsigned int *out) { return get_uint(#function, prefix_of(d), key, out); }

EXPORT nvmlReturn_t nvmlInit_v2(void) {
	unsigned int ok;
	return get_uint("nvmlInit_v2", "", "init", &ok);
}
EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *v, unsigned int n) { return get_text("nvmlSystemGetDriverVersion", "", "driver", v, n); }
EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *v, unsigned int n) { return get_text("nvmlSystemGetNVMLVersion", "", "nvml", v, n); }
EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *n) { return get_uint("nvmlDeviceGetCount_v2", "", "count", n); }

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *d) {
	char prefix[32];
	unsigned int ok;
	snprintf(prefix, sizeof prefix, "%u.", index);
	nvmlReturn_t r = get_uint("nvmlDeviceGetHandleByIndex_v2", prefix, "handle", &ok);
	if (r == NVML_SUCCESS) *d = handle(prefix);
	return r;
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, nvmlPciInfo_t *pci) {
	memset(pci, 0, sizeof *pci);
	nvmlReturn_t r = get_text("nvmlDeviceGetPciInfo_v3", prefix_of(d), "bus", pci->busId, sizeof pci->busId);
	if (r == NVML_SUCCESS) snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%.15s", pci->busId + 4);
	return r;
}
EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t d, char *v, unsigned int n) { return get_text("nvmlDeviceGetUUID", prefix_of(d), "uuid", v, n); }
EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t d, char *v, unsigned int n) { return get_text("nvmlDeviceGetName", prefix_of(d), "name", v, n); }
UINT_CALL(nvmlDeviceGetMinorNumber, "minor")
UINT_CALL(nvmlDeviceGetPowerUsage, "power")
UINT_CALL(nvmlDeviceGetEnforcedPowerLimit, "powerlimit")
UINT_CALL(nvmlDeviceGetPcieReplayCounter, "replays")
UINT_CALL(nvmlDeviceGetMaxMigDeviceCount, "migmax")
UINT_CALL(nvmlDeviceGetGpuInstanceId, "gi")
UINT_CALL(nvmlDeviceGetComputeInstanceId, "ci")

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t d, nvmlTemperatureSensors_t sensor, unsigned int *v) {
	return sensor == NVML_TEMPERATURE_GPU ? get_uint("nvmlDeviceGetTemperature", prefix_of(d), "temp", v) : NVML_ERROR_INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t d, nvmlMarginTemperature_t *m) {
	char v[64];
	if (m->version != nvmlMarginTemperature_v1) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r = answer("nvmlDeviceGetMarginTemperature", prefix_of(d), "margin", v, sizeof v);
	if (r == NVML_SUCCESS) m->marginTemperature = atoi(v);
	return r;
}

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t d, nvmlUtilization_t *u) {
	nvmlReturn_t r = get_uint("nvmlDeviceGetUtilizationRates", prefix_of(d), "util.gpu", &u->gpu);
	if (r == NVML_SUCCESS) u->memory = number(prefix_of(d), "util.mem");
	return r;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t d, nvmlMemory_v2_t *m) {
	unsigned int ok;
	if (m->version != nvmlMemory_v2) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r = get_uint("nvmlDeviceGetMemoryInfo_v2", prefix_of(d), "mem.total", &ok);
	if (r != NVML_SUCCESS) return r;
	m->total = number(prefix_of(d), "mem.total");
	m->reserved = number(prefix_of(d), "mem.reserved");
	m->free = number(prefix_of(d), "mem.free");
	m->used = number(prefix_of(d), "mem.used");
	return r;
}

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t d, nvmlClockType_t type, unsigned int *v) {
	if (type != NVML_CLOCK_SM && type != NVML_CLOCK_MEM) return NVML_ERROR_INVALID_ARGUMENT;
	return get_uint("nvmlDeviceGetClockInfo", prefix_of(d), type == NVML_CLOCK_SM ? "smclock" : "memclock", v);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t d, unsigned long long *mask) {
	unsigned int ok;
	nvmlReturn_t r = get_uint("nvmlDeviceGetCurrentClocksEventReasons", prefix_of(d), "reasons", &ok);
	if (r == NVML_SUCCESS) *mask = number(prefix_of(d), "reasons");
	return r;
}

static nvmlReturn_t engine(const char *function, nvmlDevice_t d, const char *key, unsigned int *v, unsigned int *period) {
	*period = 167000;
	return get_uint(function, prefix_of(d), key, v);
}
EXPORT nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t d, unsigned int *v, unsigned int *period) {
	return engine("nvmlDeviceGetEncoderUtilization", d, "encoder", v, period);
}
EXPORT nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t d, unsigned int *v, unsigned int *period) {
	return engine("nvmlDeviceGetDecoderUtilization", d, "decoder", v, period);
}

// Field values: "f.ID TYPE VALUE", or "f.ID.SCOPE TYPE VALUE" where a scope is asked for.
EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t d, int n, nvmlFieldValue_t *values) {
	for (int i = 0; i < n; i++) {
		nvmlFieldValue_t *f = &values[i];
		char key[64], v[256], kind = 0, text[200] = "";
		if (f->scopeId) snprintf(key, sizeof key, "f.%u.%u", f->fieldId, f->scopeId);
		else snprintf(key, sizeof key, "f.%u", f->fieldId);
		f->nvmlReturn = answer("nvmlDeviceGetFieldValues", prefix_of(d), key, v, sizeof v);
		f->timestamp = 1764400000000000LL;
		f->latencyUsec = 7;
		if (f->nvmlReturn != NVML_SUCCESS) continue;
		sscanf(v, "%c %199s", &kind, text);
		memset(&f->value, 0xee, sizeof f->value); // what the type does not cover is no part of the value
		switch (kind) {
		case 'd': f->valueType = NVML_VALUE_TYPE_DOUBLE; f->value.dVal = atof(text); break;
		case 'u': f->valueType = NVML_VALUE_TYPE_UNSIGNED_INT; f->value.uiVal = strtoul(text, NULL, 0); break;
		case 'l': f->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG; f->value.ulVal = strtoul(text, NULL, 0); break;
		case 'U': f->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG; f->value.ullVal = strtoull(text, NULL, 0); break;
		case 'S': f->valueType = NVML_VALUE_TYPE_SIGNED_LONG_LONG; f->value.sllVal = atoll(text); break;
		case 'i': f->valueType = NVML_VALUE_TYPE_SIGNED_INT; f->value.siVal = atoi(text); break;
		case 'h': f->valueType = NVML_VALUE_TYPE_UNSIGNED_SHORT; f->value.usVal = atoi(text); break;
		default: f->nvmlReturn = NVML_ERROR_UNKNOWN;
		}
	}
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t d, unsigned int *current, unsigned int *pending) {
	nvmlReturn_t r = get_uint("nvmlDeviceGetMigMode", prefix_of(d), "mig", current);
	*pending = *current;
	return r;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t d, unsigned int index, nvmlDevice_t *part) {
	char prefix[32], v[64];
	snprintf(prefix, sizeof prefix, "%.8smig.%u.", prefix_of(d), index);
	if (!lookup(prefix, "gi", v, sizeof v)) return NVML_ERROR_NOT_FOUND;
	*part = handle(prefix);
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t d, nvmlDeviceAttributes_t *a) {
	nvmlReturn_t r = get_uint("nvmlDeviceGetAttributes_v2", prefix_of(d), "slices", &a->gpuInstanceSliceCount);
	a->memorySizeMB = number(prefix_of(d), "memorymb");
	return r;
}

EXPORT nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t d, nvmlGpmSupport_t *s) {
	if (s->version != NVML_GPM_SUPPORT_VERSION) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r = get_uint("nvmlGpmQueryDeviceSupport", prefix_of(d), "gpm", &s->isSupportedDevice);
	if (r == NVML_ERROR_NOT_SUPPORTED) s->isSupportedDevice = 0, r = NVML_SUCCESS;
	return r;
}

EXPORT nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *s) {
	s->handle = calloc(1, sizeof(struct sample));
	return NVML_SUCCESS;
}
EXPORT nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t s) {
	free(s.handle);
	return NVML_SUCCESS;
}

// A sample is counters that only grow: "gpm.ID" in percent-seconds or MiB, at "gpm.seconds".
static nvmlReturn_t take(const char *function, const char *prefix, nvmlGpmSample_t sample) {
	struct sample *s = (struct sample *)sample.handle;
	char v[64], key[16];
	nvmlReturn_t r = answer(function, prefix, "seconds", v, sizeof v);
	if (r != NVML_SUCCESS) return r;
	s->seconds = atof(v);
	snprintf(s->prefix, sizeof s->prefix, "%s", prefix);
	for (int id = 0; id < NVML_GPM_METRIC_MAX; id++) {
		snprintf(key, sizeof key, "%d", id);
		s->counters[id] = id < 64 && lookup(prefix, key, v, sizeof v) ? atof(v) : -1;
	}
	return r;
}

EXPORT nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t d, nvmlGpmSample_t s) {
	char prefix[48];
	snprintf(prefix, sizeof prefix, "%sgpm.", prefix_of(d));
	return take("nvmlGpmSampleGet", prefix, s);
}
EXPORT nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t d, unsigned int gi, nvmlGpmSample_t s) {
	char prefix[48];
	snprintf(prefix, sizeof prefix, "%.8sgi.%u.gpm.", prefix_of(d), gi);
	return take("nvmlGpmMigSampleGet", prefix, s);
}

EXPORT nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *get) {
	if (get->version != NVML_GPM_METRICS_GET_VERSION) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	struct sample *older = (struct sample *)get->sample1.handle, *newer = (struct sample *)get->sample2.handle;
	if (newer->seconds <= older->seconds) return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned int i = 0; i < get->numMetrics; i++) {
		nvmlGpmMetric_t *m = &get->metrics[i];
		double a = older->counters[m->metricId], b = newer->counters[m->metricId];
		m->nvmlReturn = NVML_SUCCESS;
		m->value = (b - a) / (newer->seconds - older->seconds);
		m->metricInfo.shortName = m->metricInfo.longName = m->metricInfo.unit = NULL;
		if (a < 0 || b < 0) m->value = 0.0 / 0.0;
	}
	return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set) {
	set->handle = (struct nvmlEventSet_st *)&events_seen;
	return NVML_SUCCESS;
}
EXPORT nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t d, unsigned long long types, nvmlEventSet_t set) {
	note("nvmlDeviceRegisterEvents", prefix_of(d));
	return types == nvmlEventTypeXidCriticalError && set.handle ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

// Events: lines "event.N DEVICE CODE", N counting from 0.
EXPORT nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *e, unsigned int ms) {
	char key[32], v[64], prefix[32];
	unsigned int device, code;
	snprintf(key, sizeof key, "event.%d", events_seen);
	if (!set.handle || ms || !lookup("", key, v, sizeof v) || sscanf(v, "%u %u", &device, &code) != 2) return NVML_ERROR_TIMEOUT;
	events_seen++;
	snprintf(prefix, sizeof prefix, "%u.", device);
	e->device = handle(prefix);
	e->eventType = nvmlEventTypeXidCriticalError;
	e->eventData = code;
	return NVML_SUCCESS;
}
