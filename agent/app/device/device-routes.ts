import { availableParallelism, hostname, loadavg, uptime } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { cpuPercent, hostFacts, timeZoneName } from '../../../system/host.ts';
import { type HostHealth, HostWatch } from '../../../system/host-health.ts';
import { HostRequests } from '../../../system/host-requests.ts';
import type { ProcessLoad } from '../../../system/process-load.ts';
import { machineSensors, type Sensors } from '../../../system/sensors.ts';
import type { Accounts } from '../../auth/accounts/accounts.ts';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import type { EventBus } from '../../base/event-bus.ts';
import { type LogLine, LogLines } from '../../base/log-lines.ts';
import type { FileEdits } from '../../config/edit/file-edits.ts';
import type { Problem } from '../../config/yaml/problem.ts';
import type { FeatureRoutes, Host, Readings } from '../../features/contract.ts';
import { backupDownload } from '../../http/api/device/backup-download.ts';
import { configFileRoutes } from '../../http/api/device/config-file.ts';
import { logRoutes } from '../../http/api/device/log-routes.ts';
import type { ProblemItem } from '../../http/api/device/problems.ts';
import { restartRoute } from '../../http/api/device/restart.ts';
import { type BackupControl, restoreRoutes } from '../../http/api/device/restore-routes.ts';
import { storageRoutes } from '../../http/api/device/storage-routes.ts';
import { systemRoutes } from '../../http/api/device/system.ts';
import { EventStreams } from '../../http/api/recordings/event-stream.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { type NativeStatus, nativeStatus } from '../../native/native.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import { StorageUse } from '../../recordings/storage-use.ts';
import type { OpenFeatures } from '../features/open-features.ts';
import { DeviceClock } from './clock.ts';
import { HardwareWatch } from './hardware-watch.ts';
import { type ProblemPath, problemsOf } from './problems.ts';
import { SupportBundle, type SupportBundleDeps } from './support-bundle.ts';

export interface DeviceRoutesDeps
  extends Pick<SupportBundleDeps, 'problems'>,
    Pick<Host, 'log' | 'signal' | 'version' | 'dataDir' | 'clock' | 'settings' | 'name'> {
  readonly cameras: SupportBundleDeps['cameras'];
  readonly features: Pick<OpenFeatures, 'problems' | 'facts' | 'factsSchema'>;
  readonly paths: { list(): readonly ProblemPath[] };
  readonly lines?: LogLines;
  readonly load: ProcessLoad;
  readonly recordings: Pick<Recordings, 'isClockTrusted' | 'space' | 'names' | 'titleOf' | 'playback' | 'events'>;
  readonly configFile: FileEdits;
  readonly backup: BackupControl;
  readonly accounts: Accounts;
  readonly wrongCredentials: WrongCredentials;
  readonly events: Pick<EventBus, 'emit'>;
  readonly restart?: () => void;
  /** Default: the box's own sensors. */
  readonly sensors?: Sensors;
  /** Folder of the system services' answers; default: that of the package. */
  readonly hostAnswers?: string;
}

/** The owner's routes about the box itself, on the main port only. */
export class DeviceRoutes implements FeatureRoutes {
  readonly listener = 'main';
  readonly #deps: DeviceRoutesDeps;
  readonly #started: string;
  readonly #startedMs: number;
  /** Time zone at the start, which Node keeps using. */
  readonly #timeZone = timeZoneName();
  #startTookMs: number | undefined;
  readonly #host: HostWatch;
  readonly #hardware: HardwareWatch;
  readonly #lines: LogLines;
  readonly #lineStreams: EventStreams<LogLine>;
  readonly #diagnosis: SupportBundle;
  readonly #requests: HostRequests;
  readonly #boxClock: DeviceClock;

  /** @param started RFC 3339 */
  constructor(deps: DeviceRoutesDeps, started: string) {
    const { clock, sensors = machineSensors(), lines = new LogLines(clock) } = deps;
    this.#deps = deps;
    this.#started = started;
    this.#startedMs = clock.monoMs();
    this.#host = new HostWatch(clock, sensors);
    this.#hardware = new HardwareWatch({
      ...deps,
      publish: deps.events.emit,
      host: this.#host,
      events: () => deps.recordings.events.hub,
    });
    this.#lines = lines;
    this.#lineStreams = new EventStreams(lines, clock);
    const { hostAnswers: answers, recordings } = deps;
    this.#requests = new HostRequests({ ...deps, ...(answers !== undefined && { answers }) });
    const isTrusted = () => recordings.isClockTrusted;
    this.#boxClock = new DeviceClock({ clock, host: this.#requests, isTrusted });
    this.#diagnosis = new SupportBundle({ ...deps, lines, facts: () => this.#facts() });
  }

  async mount(app: FastifyInstance, access: HttpAccess): Promise<void> {
    const { version, configFile, events, restart } = this.#deps;
    await app.register(systemRoutes, {
      access,
      info: { version, started: this.#started },
      facts: () => this.#facts(),
      more: this.#deps.features.factsSchema,
      diagnosis: this.#diagnosis,
      boxClock: this.#boxClock,
    });
    await app.register(logRoutes, { access, lines: this.#lines, streams: this.#lineStreams });
    // Ports opened later do not change the start time.
    this.#startTookMs ??= performance.now();
    const startTookMs = this.#startTookMs;
    const restarts = { access, publish: events.emit, startTookMs, ...(restart && { restart }) };
    await app.register(restartRoute, restarts);
    const { backup, accounts, wrongCredentials } = this.#deps;
    await app.register(backupDownload, { access, backup, accounts, wrongCredentials });
    await app.register(restoreRoutes, { ...restarts, backup, accounts, wrongCredentials });
    const host = this.#requests;
    await app.register(storageRoutes, { access, storage: new StorageUse({ ...this.#deps, host }) });
    await app.register(configFileRoutes, { access, file: configFile, accounts, wrongCredentials });
  }

  /** Problems for `/v3/problems/list`. */
  async problems(): Promise<ProblemItem[]> {
    const { recordings, paths, problems } = this.#deps;
    return problemsOf({
      configuration: problems(),
      isClockTrusted: recordings.isClockTrusted,
      hardware: this.#hardware.faults,
      disks: recordings.space.list(),
      paths: paths.list(),
      features: this.#deps.features.problems(),
    });
  }

  /** Load, temperature, and the newest version that the owner has seen. */
  async readings(): Promise<Readings> {
    const [cpu, temperature = null, { newest = this.#deps.version }] = await Promise.all([
      cpuPercent(),
      this.#host.temperature(),
      this.#deps.features.facts('newest'),
    ]);
    const used = this.#deps.recordings.space.list().flatMap(({ totalBytes, freeBytes }) => {
      return freeBytes === null || totalBytes === 0 ? [] : [(1 - freeBytes / totalBytes) * 100];
    });
    return {
      cpu,
      disk: used.length === 0 ? null : Math.round(Math.max(...used) * 10) / 10,
      temperature,
      newest: String(newest),
    };
  }

  /** Does not probe the recording disks: one that hangs would delay the answer. */
  async #facts(): Promise<object> {
    const { clock, dataDir, load, recordings } = this.#deps;
    const [facts, health, ofFeatures] = await Promise.all([
      hostFacts([dataDir]),
      this.#host.read(),
      this.#deps.features.facts(),
    ]);
    const own = load.read();
    return {
      ...facts,
      ...ofFeatures,
      disks: [...facts.disks, ...recordings.space.list()],
      processCpuPercent: own.cpuPercent,
      processMemoryBytes: own.memoryBytes,
      load: loadavg(),
      processors: availableParallelism(),
      uptimeSeconds: Math.round((clock.monoMs() - this.#startedMs) / 1000),
      machineUptimeSeconds: Math.round(uptime()),
      host: hostname(),
      name: this.#deps.name.current ?? null,
      canRestart: this.#deps.restart !== undefined,
      configFault: faultJson(this.#deps.problems()),
      native: nativeJson(nativeStatus()),
      ...healthJson(health),
      hardwareFaults: this.#hardware.faults.map(({ sinceMs, why, name }) => ({
        why,
        name,
        since: new Date(sinceMs).toISOString(),
      })),
      clock: {
        time: new Date(clock.wallMs()).toISOString(),
        timeZone: this.#timeZone,
        set: recordings.isClockTrusted,
        source: health.clockSource,
        canBeSet: this.#boxClock.canBeSet,
      },
    };
  }
}

/** The first error of the current configuration file. */
function faultJson(problems: readonly Problem[]): object | null {
  const fault = problems.find(({ severity }) => severity === 'error');
  return fault ? { key: fault.key, message: fault.message, line: fault.line ?? null } : null;
}

const nativeJson = ({ bursts, batches, gcm, reads }: NativeStatus): object => ({
  udpBursts: bursts.isUsed ?? null,
  udpBurstsReason: bursts.reason ?? null,
  udpBatches: batches.isUsed ?? null,
  udpBatchesReason: batches.reason ?? null,
  aesGcm: gcm.isUsed ?? null,
  aesGcmReason: gcm.reason ?? null,
  tcpReads: reads.isUsed ?? null,
  tcpReadsReason: reads.reason ?? null,
});

const healthJson = ({ model, temperatureCelsius, power, swap, network, drives }: HostHealth): object => ({
  model: model ?? null,
  temperatureCelsius: temperatureCelsius ?? null,
  power: power ?? null,
  swap: swap ?? null,
  network: network.map(({ inboundBitrate, outboundBitrate, ...one }) => ({
    ...one,
    inboundBitrate: inboundBitrate ?? null,
    outboundBitrate: outboundBitrate ?? null,
  })),
  drives: drives.map(({ health, wornPercent, writtenBytesPerDay, temperatureCelsius: degrees, ...one }) => ({
    ...one,
    health: health ?? null,
    wornPercent: wornPercent ?? null,
    writtenBytesPerDay: writtenBytesPerDay ?? null,
    temperatureCelsius: degrees ?? null,
  })),
});
