import { join } from 'node:path';
import { type Clock, endsWithin } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { eventKindOf } from '../../../base/event-kinds.ts';
import type { Logger } from '../../../base/log.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { Announcements } from './announcements.ts';
import { MqttCommands } from './commands.ts';
import { type BrokerConnection, openBroker } from './connection.ts';
import type { MqttSource } from './contracts.ts';
import { EventQueue } from './event-queue.ts';
import { type MqttFailureWhy, whyOf } from './failure.ts';
import { MQTT_FILE } from './retained-file.ts';
import type { MqttSettings } from './settings.ts';
import { StatePublisher } from './state-publisher.ts';
import { HOME_ASSISTANT_STATUS, Topics } from './topics.ts';

const FIRST_PAUSE_MS = 1_000;
/** Pause after a rejected login: brokers may lock an address after wrong passwords. */
const REJECTED_PAUSE_MS = 60_000;
const JITTER = 0.2;
/** A connection that ends earlier counts as a failure: two boxes with the same client id end each other's connections. */
const MIN_CONNECTED_MS = 60_000;
const SAVE_MS = 5_000;
const CLOSE_MS = 5_000;

interface MqttLinkOptions {
  readonly settings: MqttSettings;
  readonly source: MqttSource;
  /** Folder of the event queue's file and of the list of retained topics. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A float in [0, 1). */
  readonly random?: () => number;
}

interface MqttStatus {
  readonly state: 'connecting' | 'connected' | 'waiting';
  /** Why the link is not connected: `error` for people, `why` for programs. */
  readonly error: string | undefined;
  readonly why: MqttFailureWhy | undefined;
  /** Unix milliseconds of the last change between connected and not connected. */
  readonly sinceMs: number;
  /** Events that the broker has not confirmed. */
  readonly queued: number;
  /** Events dropped since the start. */
  readonly dropped: number;
}

/** Keeps a connection to the broker, publishes events, and takes commands. */
export class MqttLink {
  readonly #options: MqttLinkOptions;
  readonly #topics: Topics;
  readonly #queue: EventQueue;
  readonly #announcements: Announcements;
  readonly #states: StatePublisher;
  readonly #stop = new AbortController();
  readonly #stops: (() => void)[];
  readonly #running: Promise<void>;
  readonly #commands: MqttCommands;
  #connection: BrokerConnection | undefined;
  #inFlight = 0;
  #isClosing = false;
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
    this.#states = new StatePublisher({
      settings,
      source,
      topics: this.#topics,
      announcements,
      clock,
      log,
      signal: this.#stop.signal,
    });
    this.#stops = [
      source.onEvent((event, known) => this.#onEvent(event, known)),
      clock.every(SAVE_MS, () => void queue.save()),
      () => this.#states.close(),
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
      let connectedMs = Number.POSITIVE_INFINITY;
      const error = await this.#connectOnce(() => {
        connectedMs = clock.monoMs();
      });
      if (this.#isClosing) {
        return;
      }
      failures = clock.monoMs() - connectedMs >= MIN_CONNECTED_MS ? 1 : failures + 1;
      const why = whyOf(error);
      const isNews = this.#state.state !== 'waiting' || this.#state.why !== why;
      this.#enter({ state: 'waiting', error: explain(error), why });
      if (isNews) {
        log.warn({ reason: explain(error) }, 'no connection to the MQTT broker, retrying');
      }
      const longMs = Math.min(30_000, FIRST_PAUSE_MS * 2 ** (failures - 1));
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
      this.#states.detach();
    }
  }

  async #serve(connection: BrokerConnection): Promise<void> {
    const { settings, log } = this.#options;
    this.#connection = connection;
    this.#states.attach(connection);
    this.#queue.rewind();
    this.#inFlight = 0;
    connection.send(this.#topics.status, 'online', { isRetained: true });
    this.#drain(connection);
    const topics = [
      ...(settings.mqttHomeAssistant ? [HOME_ASSISTANT_STATUS] : []),
      ...(settings.mqttCommands ? [this.#topics.allCommands] : []),
    ];
    if (topics.length > 0) {
      // Events and states work without the subscription.
      await connection
        .subscribe(topics)
        .catch((error: unknown) => log.warn({ reason: explain(error) }, 'MQTT subscription rejected'));
    }
    await this.#states.publishAll();
  }

  #onEvent(event: CameraEvent, known: CameraEvent | undefined): void {
    const { clock, source } = this.#options;
    const camera = source.cameras().find(({ path }) => path === event.path);
    this.#queue.push(JSON.stringify(eventJson(event, camera?.name, clock.wallMs())));
    this.#states.onEvent(event, known, camera);
    if (this.#connection) {
      this.#drain(this.#connection);
    }
  }

  /** Sends queued events, a few at a time. */
  #drain(connection: BrokerConnection): void {
    while (this.#inFlight < 20 && connection === this.#connection) {
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
        // The connection has ended: the next connection sends the event again.
        () => {},
      );
    }
  }

  #onMessage(topic: string, payload: Buffer, isRetained: boolean): void {
    if (topic === HOME_ASSISTANT_STATUS) {
      if (!isRetained && payload.toString() === 'online') {
        // Home Assistant has just started and knows no states.
        this.#states.refresh();
      }
      return;
    }
    const command = this.#topics.commandOf(topic);
    // A retained command would be carried out again with each connection.
    if (command && !isRetained && this.#options.settings.mqttCommands) {
      this.#commands.take(command, payload);
    }
  }
}

const timeText = (us: number): string => new Date(us / 1000).toISOString();

function eventJson(
  { id, path, type, startUs, endUs, text, source, labels, zones }: CameraEvent,
  name: string | undefined,
  nowMs: number,
) {
  return {
    time: new Date(nowMs).toISOString(),
    id,
    path: path === '' ? null : path,
    name: name ?? null,
    type: eventKindOf(type) === 'doorbell' ? 'doorbell' : type,
    start: timeText(startUs),
    end: endUs === undefined ? null : timeText(endUs),
    text,
    source,
    labels: labels?.map((label) => ({ ...label, at: timeText(label.at) })) ?? null,
    zones: zones ?? null,
  };
}
