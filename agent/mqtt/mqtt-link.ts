import { join } from 'node:path';
import { type Clock, endsWithin } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Announcements } from './announcements.ts';
import { CameraStates, isDoorbell, type MqttEvent } from './camera-states.ts';
import { type CommandTarget, MqttCommands } from './commands.ts';
import { type BrokerConnection, openBroker } from './connection.ts';
import { type AnnouncedDevice, discoveryOf } from './discovery.ts';
import { EventQueue } from './event-queue.ts';
import { type MqttFailureWhy, whyOf } from './failure.ts';
import { MQTT_FILE } from './retained-file.ts';
import type { MqttSettings } from './settings.ts';
import { DOORBELL, HOME_ASSISTANT_STATUS, STATE_NAMES, Topics } from './topics.ts';

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
/** Brokers may lock an address after wrong passwords. */
const REJECTED_PAUSE_MS = 60_000;
const JITTER = 0.2;
const SAVE_MS = 5_000;
const DEVICE_MS = 60_000;
/** Unconfirmed events at the broker. */
const MAX_IN_FLIGHT = 20;
/** Home Assistant subscribes to the topics of an entity some time after its discovery. */
const SUBSCRIBED_MS = 2_000;
/** A press is passed on while it is news. */
const PRESS_MS = 10_000;
/** Between two repetitions of everything: any client of the broker may ask for them. */
const MIN_REFRESH_MS = 5_000;
/** Pictures of one camera. */
const MIN_PICTURE_MS = 2_000;
const CLOSE_MS = 5_000;

/** A camera at present. */
export interface MqttCamera {
  readonly path: string;
  readonly name: string;
  readonly hasPicture: boolean;
  readonly isOnline: boolean;
  /** By its settings. */
  readonly isRecording: boolean;
}

export interface MqttDeviceState {
  /** Load of all processors, in percent. */
  readonly cpu: number;
  /** Used part of the fullest recording disk, in percent; null: not known. */
  readonly disk: number | null;
  /** In °C; null: no sensor. */
  readonly temperature: number | null;
  /** The newest known version of Perch. */
  readonly newest: string;
}

/** What the broker gets, and what its clients may do. */
export interface MqttSource extends CommandTarget {
  readonly version: string;
  /** Of the device, for people. */
  readonly name: string;
  cameras(): readonly MqttCamera[];
  device(): Promise<MqttDeviceState>;
  /** A JPEG of at present. @throws PerchError without one */
  picture(path: string): Promise<Uint8Array>;
  /** Names of the PTZ presets. @throws PerchError without PTZ */
  presets(path: string): Promise<readonly string[]>;
  /** @returns the unsubscribe function */
  onEvent(listener: (event: MqttEvent) => void): () => void;
  /** Called when a camera or its settings have changed. @returns the unsubscribe function */
  onChange(listener: () => void): () => void;
  /** Events that had begun before. */
  ongoing(): readonly MqttEvent[];
}

export interface MqttLinkOptions {
  readonly settings: MqttSettings;
  readonly source: MqttSource;
  /** Folder of the queue and of what was announced. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A float in [0, 1). */
  readonly random?: () => number;
}

export interface MqttStatus {
  readonly state: 'connecting' | 'connected' | 'waiting';
  /** Why it is not connected: for people and for programs. */
  readonly error: string | undefined;
  readonly why: MqttFailureWhy | undefined;
  /** Unix milliseconds of the last change between connected and not. */
  readonly sinceMs: number;
  /** Events that the broker has not confirmed. */
  readonly queued: number;
  /** Events dropped since the start. */
  readonly dropped: number;
}

/** Keeps a connection to the broker, and tells it about cameras and events. */
export class MqttLink {
  readonly #options: MqttLinkOptions;
  readonly #topics: Topics;
  readonly #queue: EventQueue;
  readonly #announcements: Announcements;
  readonly #states = new CameraStates();
  readonly #stop = new AbortController();
  readonly #stops: (() => void)[];
  readonly #running: Promise<void>;
  readonly #commands: MqttCommands;
  #connection: BrokerConnection | undefined;
  readonly #pictureMs = new Map<string, number>();
  /** As last read, by path. */
  readonly #presets = new Map<string, readonly string[]>();
  /** Paths whose presets are to be read. */
  readonly #presetsDue = new Set<string>();
  #isReadingPresets = false;
  /** Paths of the cameras that were online at the last look of this connection. */
  #online: ReadonlySet<string> = new Set();
  #inFlight = 0;
  #isLookDue = false;
  #isRefreshDue = false;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  /** Counts the rounds of pictures: a newer one ends the former. */
  #round = 0;
  #isClosing = false;
  #hasTemperature = false;
  #state: Pick<MqttStatus, 'state' | 'error' | 'why' | 'sinceMs'>;

  static async start(options: MqttLinkOptions): Promise<MqttLink> {
    const { folder, log, settings } = options;
    const queue = await EventQueue.open(join(folder, 'mqtt-events'), log);
    const announcements = await Announcements.open(join(folder, MQTT_FILE), settings.mqttPrefix, log);
    return new MqttLink(options, queue, announcements);
  }

  private constructor(options: MqttLinkOptions, queue: EventQueue, announcements: Announcements) {
    const { settings, source, clock, log } = options;
    this.#options = options;
    this.#commands = new MqttCommands(source, clock, log);
    this.#topics = new Topics(settings.mqttPrefix);
    this.#queue = queue;
    this.#announcements = announcements;
    this.#state = { state: 'connecting', error: undefined, why: undefined, sinceMs: clock.wallMs() };
    for (const event of source.ongoing()) {
      this.#states.take(event, clock.wallMs());
    }
    this.#stops = [
      source.onEvent((event) => this.#onEvent(event)),
      source.onChange(() => this.#lookSoon()),
      clock.every(SAVE_MS, () => void queue.save()),
      clock.every(DEVICE_MS, () => void this.#sendDevice().then(() => this.#look())),
      clock.eachSecond(() => this.#states.expire(clock.wallMs()) && this.#look()),
      clock.eachSecond(() => this.#refreshIfDue()),
      () => this.#commands.close(),
    ];
    this.#running = this.#run();
  }

  get status(): MqttStatus {
    return { ...this.#state, queued: this.#queue.size, dropped: this.#queue.dropped };
  }

  /** Unconfirmed events stay on the disk. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const stop of this.#stops) {
      stop();
    }
    const offline = { topic: this.#topics.status, payload: 'offline' };
    await endsWithin(this.#options.clock, CLOSE_MS, this.#connection?.close(offline) ?? Promise.resolve());
    this.#stop.abort();
    await this.#running;
    await this.#queue.save();
    await this.#announcements.close();
  }

  async #run(): Promise<void> {
    const { clock, log, random = Math.random } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!this.#isClosing) {
      const error = await this.#connectOnce(() => {
        failures = 0;
      });
      if (this.#isClosing) {
        return;
      }
      failures += 1;
      const why = whyOf(error);
      const isNews = this.#state.state !== 'waiting' || this.#state.why !== why;
      this.#enter({ state: 'waiting', error: explain(error), why });
      if (isNews) {
        log.warn({ reason: explain(error) }, 'no connection to the MQTT broker, retrying');
      }
      const longMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
      const pauseMs = why === 'login' ? REJECTED_PAUSE_MS : longMs;
      await clock.sleep(Math.round(pauseMs * (1 - JITTER * random())), signal);
    }
  }

  #enter(state: Omit<MqttLink['status'], 'sinceMs' | 'queued' | 'dropped'>): void {
    const wasConnected = this.#state.state === 'connected';
    const sinceMs = wasConnected === (state.state === 'connected') ? this.#state.sinceMs : this.#options.clock.wallMs();
    this.#state = { ...state, sinceMs };
  }

  /** @returns why the connection ended, or could not be made */
  async #connectOnce(onConnected: () => void): Promise<unknown> {
    const { settings, log } = this.#options;
    try {
      const connection = await openBroker({
        settings,
        clientId: `perch-${this.#announcements.id}`,
        will: { topic: this.#topics.status, payload: 'offline' },
        onMessage: (topic, payload, isRetained) => this.#onMessage(topic, payload, isRetained),
        signal: this.#stop.signal,
      });
      this.#enter({ state: 'connected', error: undefined, why: undefined });
      log.info('connected to the MQTT broker');
      onConnected();
      await this.#serve(connection);
      return await connection.ended;
    } catch (error) {
      return error;
    } finally {
      this.#connection = undefined;
    }
  }

  async #serve(connection: BrokerConnection): Promise<void> {
    const { settings, log } = this.#options;
    this.#connection = connection;
    this.#announcements.forget();
    this.#queue.rewind();
    this.#inFlight = 0;
    this.#isRefreshDue = false;
    this.#online = new Set();
    connection.send(this.#topics.status, 'online', { isRetained: true });
    this.#drain(connection);
    const topics = [
      ...(settings.mqttHomeAssistant ? [HOME_ASSISTANT_STATUS] : []),
      ...(settings.mqttCommands ? [this.#topics.allCommands] : []),
    ];
    if (topics.length > 0) {
      // Events and states work without it.
      await connection
        .subscribe(topics)
        .catch((error: unknown) => log.warn({ reason: explain(error) }, 'MQTT subscription rejected'));
    }
    await this.#sendDevice();
    this.#look();
    void this.#sendAllPictures(connection);
  }

  #onEvent(event: MqttEvent): void {
    const { clock, source } = this.#options;
    const nowMs = clock.wallMs();
    const isNew = !this.#states.knows(event);
    this.#states.take(event, nowMs);
    const camera = source.cameras().find(({ path }) => path === event.path);
    this.#queue.push(JSON.stringify(eventJson(event, camera?.name, nowMs)));
    this.#look();
    const connection = this.#connection;
    if (!connection) {
      return;
    }
    this.#drain(connection);
    if (camera && isNew && event.source !== 'perch') {
      if (isDoorbell(event) && Math.abs(nowMs - event.startUs / 1000) < PRESS_MS) {
        connection.send(this.#topics.ofCamera(camera.path, 'doorbell'), JSON.stringify({ event_type: 'press' }));
      }
      void this.#sendPicture(camera, connection);
    }
  }

  /** Sends queued events, a few at a time. */
  #drain(connection: BrokerConnection): void {
    while (this.#inFlight < MAX_IN_FLIGHT && connection === this.#connection) {
      const queued = this.#queue.take();
      if (!queued) {
        return;
      }
      this.#inFlight += 1;
      connection.deliver(this.#topics.events, queued.text).then(
        () => {
          this.#queue.remove(queued.number);
          if (connection === this.#connection) {
            this.#inFlight -= 1;
            this.#drain(connection);
          }
        },
        // The connection has ended: the next one takes it again.
        () => {},
      );
    }
  }

  #lookSoon(): void {
    if (!this.#isLookDue) {
      this.#isLookDue = true;
      setImmediate(() => {
        this.#isLookDue = false;
        this.#look();
      });
    }
  }

  /** Sends what has changed. */
  #look(): void {
    const connection = this.#connection;
    if (!connection) {
      return;
    }
    const { source, settings } = this.#options;
    const cameras = source.cameras();
    this.#noteOnline(cameras);
    const announced = cameras.map((camera) => ({ ...camera, presets: this.#presets.get(camera.path) }));
    const wanted = new Map([
      ...(settings.mqttHomeAssistant ? discoveryOf(announced, this.#device, this.#topics) : []),
      ...cameras.flatMap((camera) => this.#statesOf(camera)),
    ]);
    const paths = cameras.map(({ path }) => path);
    this.#announcements.announce(wanted, paths, connection);
  }

  get #device(): AnnouncedDevice {
    const { source, settings } = this.#options;
    return {
      id: this.#announcements.id,
      name: source.name,
      version: source.version,
      hasTemperature: this.#hasTemperature,
      hasCommands: settings.mqttCommands,
    };
  }

  #statesOf({ path, isOnline, isRecording }: MqttCamera): (readonly [string, string])[] {
    const states = this.#states.of(path);
    return [
      [this.#topics.ofCamera(path, 'online'), onOff(isOnline)],
      [this.#topics.ofCamera(path, 'recording'), onOff(isRecording)],
      ...STATE_NAMES.map((name) => [this.#topics.ofCamera(path, name), onOff(states[name])] as const),
    ];
  }

  async #sendDevice(): Promise<void> {
    const connection = this.#connection;
    if (!connection) {
      return;
    }
    const { source, log } = this.#options;
    try {
      const { cpu, disk, temperature, newest } = await source.device();
      this.#hasTemperature = temperature !== null;
      const update = { installed_version: source.version, latest_version: newest };
      connection.send(this.#topics.device, JSON.stringify({ cpu, disk, temperature }), { isRetained: true });
      connection.send(this.#topics.update, JSON.stringify(update), { isRetained: true });
    } catch (error) {
      log.warn({ reason: explain(error) }, "the device's state cannot be read for MQTT");
    }
  }

  async #sendAllPictures(connection: BrokerConnection): Promise<void> {
    const { clock, source } = this.#options;
    this.#round += 1;
    const round = this.#round;
    await clock.sleep(SUBSCRIBED_MS, this.#stop.signal);
    for (const camera of source.cameras()) {
      if (connection !== this.#connection || round !== this.#round) {
        return;
      }
      await this.#sendPicture(camera, connection);
    }
  }

  async #sendPicture({ path, hasPicture }: MqttCamera, connection: BrokerConnection): Promise<void> {
    const { clock, source, log } = this.#options;
    const nowMs = clock.monoMs();
    if (!hasPicture || nowMs - (this.#pictureMs.get(path) ?? Number.NEGATIVE_INFINITY) < MIN_PICTURE_MS) {
      return;
    }
    this.#pictureMs.set(path, nowMs);
    try {
      const jpeg = await source.picture(path);
      connection.send(this.#topics.ofCamera(path, 'picture'), Buffer.from(jpeg), { isLarge: true });
    } catch (error) {
      log.debug({ path, reason: explain(error) }, 'no picture for MQTT');
    }
  }

  /** Presets are read from cameras that come online. */
  #noteOnline(cameras: readonly MqttCamera[]): void {
    const { mqttCommands, mqttHomeAssistant } = this.#options.settings;
    const online = cameras.filter(({ isOnline }) => isOnline).map(({ path }) => path);
    for (const path of mqttCommands && mqttHomeAssistant ? online : []) {
      if (!this.#online.has(path)) {
        this.#presetsDue.add(path);
      }
    }
    this.#online = new Set(online);
    void this.#readPresets();
  }

  /** Cameras answer slowly, or not at all: discovery does not wait for them, and they are asked one after the other. */
  async #readPresets(): Promise<void> {
    if (this.#isReadingPresets) {
      return;
    }
    this.#isReadingPresets = true;
    for (const path of this.#presetsDue) {
      this.#presetsDue.delete(path);
      const presets = await this.#options.source.presets(path).catch(() => undefined);
      if (this.#isClosing) {
        return;
      }
      if (presets) {
        this.#presets.set(path, presets);
        this.#look();
      }
    }
    this.#isReadingPresets = false;
  }

  #onMessage(topic: string, payload: Buffer, isRetained: boolean): void {
    if (topic === HOME_ASSISTANT_STATUS) {
      if (!isRetained && payload.toString() === 'online') {
        this.#isRefreshDue = true;
        this.#refreshIfDue();
      }
      return;
    }
    const command = this.#topics.commandOf(topic);
    // A retained one would be carried out with each connection.
    if (command && !isRetained && this.#options.settings.mqttCommands) {
      this.#commands.take(command, payload);
    }
  }

  /** Home Assistant has started: it gets everything again. */
  #refreshIfDue(): void {
    const connection = this.#connection;
    const nowMs = this.#options.clock.monoMs();
    if (!connection || !this.#isRefreshDue || nowMs - this.#refreshedMs < MIN_REFRESH_MS) {
      return;
    }
    this.#isRefreshDue = false;
    this.#refreshedMs = nowMs;
    this.#announcements.forget();
    this.#look();
    void this.#sendDevice();
    void this.#sendAllPictures(connection);
  }
}

const onOff = (isOn: boolean): string => (isOn ? 'ON' : 'OFF');
const timeText = (us: number): string => new Date(us / 1000).toISOString();

function eventJson(
  { id, path, type, startUs, endUs, text, source }: MqttEvent,
  name: string | undefined,
  nowMs: number,
) {
  return {
    time: new Date(nowMs).toISOString(),
    id,
    path: path === '' ? null : path,
    name: name ?? null,
    type: DOORBELL.includes(type) ? 'doorbell' : type,
    start: timeText(startUs),
    end: endUs === undefined ? null : timeText(endUs),
    text,
    source,
  };
}
