import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { eventKindOf } from '../../../base/event-kinds.ts';
import type { Logger } from '../../../base/log.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import type { Announcements } from './announcements.ts';
import { CameraStates } from './camera-states.ts';
import type { BrokerConnection } from './connection.ts';
import type { MqttCamera, MqttSource } from './contracts.ts';
import { type AnnouncedDevice, discoveryOf } from './discovery.ts';
import { PresetNames } from './preset-names.ts';
import type { MqttSettings } from './settings.ts';
import { SENSOR_NAMES, type Topics } from './topics.ts';

const DEVICE_MS = 60_000;
/** Home Assistant subscribes to the topics of an entity some time after its discovery. */
const SUBSCRIBED_MS = 2_000;
/** A press of the doorbell is passed on only if it is not older than this. */
const PRESS_MS = 10_000;

interface StatePublisherOptions {
  readonly settings: MqttSettings;
  readonly source: MqttSource;
  readonly topics: Topics;
  readonly announcements: Announcements;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the wait before a round of pictures. */
  readonly signal: AbortSignal;
}

/** Publishes cameras, their states and pictures, and the box, over the current connection. */
export class StatePublisher {
  readonly #options: StatePublisherOptions;
  readonly #states = new CameraStates();
  readonly #presets: PresetNames;
  readonly #stops: readonly (() => void)[];
  #connection: BrokerConnection | undefined;
  readonly #pictureMs = new Map<string, number>();
  #isPublishDue = false;
  #isRefreshDue = false;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  /** Number of the latest round of pictures: a newer round ends the former one. */
  #round = 0;
  #hasTemperature = false;

  constructor(options: StatePublisherOptions) {
    const { source, clock } = options;
    this.#options = options;
    this.#presets = new PresetNames(
      (path) => source.presets(path),
      () => this.#publishChanges(),
    );
    for (const event of source.ongoing()) {
      this.#states.take(event, nowOf(clock));
    }
    this.#stops = [
      source.onChange(() => this.#publishSoon()),
      clock.every(DEVICE_MS, () => void this.#sendDevice().then(() => this.#publishChanges())),
      clock.eachSecond(() => this.#states.expire(clock.monoMs()) && this.#publishChanges()),
      clock.eachSecond(() => this.#refreshIfDue()),
      () => this.#presets.close(),
    ];
  }

  /** The connection must stay open until `detach`. */
  attach(connection: BrokerConnection): void {
    this.#connection = connection;
    this.#options.announcements.forget();
    this.#isRefreshDue = false;
    this.#presets.forgetOnline();
  }

  detach(): void {
    this.#connection = undefined;
  }

  close(): void {
    for (const stop of this.#stops) {
      stop();
    }
  }

  async publishAll(): Promise<void> {
    await this.#sendDevice();
    this.#publishChanges();
    void this.#sendAllPictures();
  }

  /** Publishes all again, at most every 5 s. */
  refresh(): void {
    this.#isRefreshDue = true;
    this.#refreshIfDue();
  }

  /** @param camera of the event, or undefined if the event is of the box, or the camera was removed */
  onEvent(event: CameraEvent, known: CameraEvent | undefined, camera: MqttCamera | undefined): void {
    const { clock, topics } = this.#options;
    const isNew = !known && !this.#states.knows(event);
    this.#states.take(event, nowOf(clock), known);
    this.#publishChanges();
    if (this.#connection && camera && isNew && event.source !== 'perch') {
      if (eventKindOf(event.type) === 'doorbell' && Math.abs(clock.wallMs() - event.startUs / 1000) < PRESS_MS) {
        this.#connection.send(topics.ofCamera(camera.path, 'doorbell'), JSON.stringify({ event_type: 'press' }));
      }
      void this.#sendPicture(camera, this.#connection);
    }
  }

  #refreshIfDue(): void {
    const nowMs = this.#options.clock.monoMs();
    // Any client of the broker may ask for everything again.
    if (!this.#connection || !this.#isRefreshDue || nowMs - this.#refreshedMs < 5_000) {
      return;
    }
    this.#isRefreshDue = false;
    this.#refreshedMs = nowMs;
    this.#options.announcements.forget();
    this.#presets.forgetOnline();
    this.#publishChanges();
    void this.#sendDevice();
    void this.#sendAllPictures();
  }

  #publishSoon(): void {
    if (!this.#isPublishDue) {
      this.#isPublishDue = true;
      setImmediate(() => {
        this.#isPublishDue = false;
        this.#publishChanges();
      });
    }
  }

  /** Publishes discovery and states that differ from those at the broker. */
  #publishChanges(): void {
    const connection = this.#connection;
    if (!connection) {
      return;
    }
    const { source, settings, topics, announcements } = this.#options;
    const cameras = source.cameras();
    if (settings.mqttCommands && settings.mqttHomeAssistant) {
      this.#presets.readOf(cameras.filter(({ isOnline }) => isOnline).map(({ path }) => path));
    }
    const announced = cameras.map((camera) => ({ ...camera, presets: this.#presets.of(camera.path) }));
    const wanted = new Map([
      ...(settings.mqttHomeAssistant ? discoveryOf(announced, this.#device, topics) : []),
      ...cameras.flatMap((camera) => this.#statesOf(camera)),
    ]);
    const paths = cameras.map(({ path }) => path);
    announcements.announce(wanted, paths, connection);
  }

  get #device(): AnnouncedDevice {
    const { source, settings, announcements } = this.#options;
    return {
      id: announcements.id,
      name: source.name,
      version: source.version,
      hasTemperature: this.#hasTemperature,
      hasCommands: settings.mqttCommands,
    };
  }

  #statesOf({ path, isOnline, isRecording }: MqttCamera): (readonly [string, string])[] {
    const { topics } = this.#options;
    const states = this.#states.of(path);
    return [
      [topics.ofCamera(path, 'online'), onOff(isOnline)],
      [topics.ofCamera(path, 'recording'), onOff(isRecording)],
      ...SENSOR_NAMES.map((name) => [topics.ofCamera(path, name), onOff(states.has(name))] as const),
    ];
  }

  async #sendDevice(): Promise<void> {
    const connection = this.#connection;
    if (!connection) {
      return;
    }
    const { source, topics, log } = this.#options;
    try {
      const { cpu, disk, temperature, newest } = await source.device();
      this.#hasTemperature = temperature !== null;
      const update = { installed_version: source.version, latest_version: newest };
      connection.send(topics.device, JSON.stringify({ cpu, disk, temperature }), { isRetained: true });
      connection.send(topics.update, JSON.stringify(update), { isRetained: true });
    } catch (error) {
      log.warn({ reason: explain(error) }, 'state of the box cannot be read for MQTT');
    }
  }

  async #sendAllPictures(): Promise<void> {
    const connection = this.#connection;
    const { clock, source, signal } = this.#options;
    this.#round += 1;
    const round = this.#round;
    await clock.sleep(SUBSCRIBED_MS, signal);
    for (const camera of source.cameras()) {
      if (!connection || connection !== this.#connection || round !== this.#round) {
        return;
      }
      await this.#sendPicture(camera, connection);
    }
  }

  async #sendPicture({ path, hasPicture }: MqttCamera, connection: BrokerConnection): Promise<void> {
    const { clock, source, topics, log } = this.#options;
    const nowMs = clock.monoMs();
    // Minimum time between two pictures of one camera.
    if (!hasPicture || nowMs - (this.#pictureMs.get(path) ?? Number.NEGATIVE_INFINITY) < 2_000) {
      return;
    }
    this.#pictureMs.set(path, nowMs);
    try {
      const jpeg = await source.picture(path);
      connection.send(topics.ofCamera(path, 'picture'), Buffer.from(jpeg), { isLarge: true });
    } catch (error) {
      log.debug({ path, reason: explain(error) }, 'no picture for MQTT');
    }
  }
}

const nowOf = (clock: Clock) => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs() });
const onOff = (isOn: boolean): string => (isOn ? 'ON' : 'OFF');
