import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';
import { MINUTE_MS } from '../../../base/time/units.ts';
import type { Command } from './topics.ts';

const MAX_COMMAND_BYTES = 256;
/** Minimum time between two changes of one camera's `recording`: each change writes the configuration. */
const MIN_RECORDING_MS = 5_000;

export interface CommandTarget {
  cameras(): readonly { readonly path: string }[];
  /** All reject with PerchError. */
  readonly commands: {
    record(path: string, isOn: boolean): Promise<void>;
    goToPreset(path: string, name: string): Promise<void>;
    recordClip(path: string): Promise<void>;
  };
}

/** Commands of the broker's clients, carried out one after the other. */
export class MqttCommands {
  readonly #target: CommandTarget;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #queue = new SerialQueue();
  #waiting = 0;
  /** Values of `recording` that are not carried out yet, by path. */
  readonly #recording = new Map<string, boolean>();
  /** Monotonic time when `recording` was last carried out, by path; infinite: a change is under way. */
  readonly #recordedMs = new Map<string, number>();
  /** Monotonic time when each message was last logged, by message. */
  readonly #warnedMs = new Map<string, number>();
  readonly #stop: () => void;

  constructor(target: CommandTarget, clock: Clock, log: Logger) {
    this.#target = target;
    this.#clock = clock;
    this.#log = log;
    this.#stop = clock.eachSecond(() => this.#recordDue());
  }

  /** Values of `recording` that wait for their interval are dropped. */
  close(): void {
    this.#stop();
    this.#recording.clear();
  }

  take({ path, command }: Command, payload: Buffer): void {
    const text = payload.length > MAX_COMMAND_BYTES ? undefined : payload.toString();
    const { commands } = this.#target;
    if (text === undefined) {
      this.#warn({ command, bytes: payload.length }, 'MQTT command rejected: too long');
    } else if (!this.#target.cameras().some((camera) => camera.path === path)) {
      this.#warn({ path: path.slice(0, MAX_COMMAND_BYTES), command }, 'MQTT command for an unknown camera');
    } else if (command !== 'recording') {
      this.#enqueue({ path, command }, () =>
        command === 'preset' ? commands.goToPreset(path, text) : commands.recordClip(path),
      );
    } else if (text === 'ON' || text === 'OFF') {
      this.#recording.set(path, text === 'ON');
      this.#recordDue();
    } else {
      this.#warn({ path, command }, 'MQTT command with an unknown value: ON or OFF');
    }
  }

  #enqueue(command: Command, work: () => Promise<void>): void {
    if (this.#waiting >= 16) {
      this.#warn({ ...command, waiting: this.#waiting }, 'MQTT command rejected: too many wait');
      return;
    }
    this.#waiting += 1;
    void this.#run(command, work).finally(() => {
      this.#waiting -= 1;
    });
  }

  /** Carries out the last value of each camera whose interval is over. */
  #recordDue(): void {
    for (const [path, isOn] of this.#recording) {
      const formerMs = this.#recordedMs.get(path) ?? Number.NEGATIVE_INFINITY;
      if (this.#clock.monoMs() - formerMs >= MIN_RECORDING_MS) {
        this.#recording.delete(path);
        this.#recordedMs.set(path, Number.POSITIVE_INFINITY);
        void this.#run({ path, command: 'recording' }, () => this.#target.commands.record(path, isOn)).finally(() =>
          this.#recordedMs.set(path, this.#clock.monoMs()),
        );
      }
    }
  }

  #run(command: Command, work: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      try {
        await work();
        this.#log.info(command, 'MQTT command');
      } catch (error) {
        this.#warn({ ...command, reason: explain(error) }, 'MQTT command failed');
      }
    });
  }

  /** Logs each message at most once a minute, because any client of the broker can cause it. */
  #warn(fields: object, message: string): void {
    const nowMs = this.#clock.monoMs();
    if (nowMs - (this.#warnedMs.get(message) ?? Number.NEGATIVE_INFINITY) >= MINUTE_MS) {
      this.#warnedMs.set(message, nowMs);
      this.#log.warn(fields, message);
    }
  }
}
