import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { isTrouble } from '../soap/http/failures.ts';
import { plainLine } from '../soap/xml/xml.ts';
import { type Auxiliary, auxiliariesOf, type OutputKind, readCommands, sendCommand } from './auxiliary.ts';
import type { OnvifPtz } from './onvif-ptz.ts';
import { type Relay, type RelaySettings, readRelays, setRelay, switchRelay } from './relays.ts';
import type { SharedSession } from './shared-session.ts';
import { type Way, Ways } from './ways.ts';

/** Something that a camera switches. */
interface Output {
  /** `relay-` and the token, or `aux-` and the word of the command: the same after a restart. */
  readonly id: string;
  readonly kind: OutputKind;
  /** From the camera: one line, escape where shown. */
  readonly name: string;
  /** As the camera reports it; null: it does not. Auxiliary commands have no state. */
  readonly isOn: boolean | null;
  /** It goes off by itself: a monostable relay, or a command without its opposite. */
  readonly isMomentary: boolean;
  /** Of a relay; null for other outputs. */
  readonly relay: RelaySettings | null;
}

type Facts = Omit<Output, 'isOn'>;
type Known =
  | (Facts & { readonly by: 'relay'; readonly of: Relay })
  | (Facts & { readonly by: 'command'; readonly of: Auxiliary; readonly services: readonly ('device' | 'ptz')[] });

/** The page asks for the list each time a camera is opened, which takes up to six calls of the camera. */
const FRESH_MS = 60_000;

interface OutputsOptions {
  readonly sessions: SharedSession;
  readonly ptz: Pick<OnvifPtz, 'commands' | 'sendCommand'>;
  readonly clock: Clock;
  isRelayOn?(token: string): boolean | undefined;
}

/** Relays and auxiliary commands of one camera. All methods reject with PerchError for a person. */
export class OnvifOutputs {
  readonly #options: OutputsOptions;
  readonly #ways = new Ways();
  /** With the session that read them: what switches them does not read them again. */
  #known: { readonly session: OnvifSession; readonly outputs: readonly Known[]; readonly readMs: number } | undefined;

  constructor(options: OutputsOptions) {
    this.#options = options;
  }

  /** As read from the camera within the last minute; empty if it has none. */
  list(): Promise<Output[]> {
    return this.#options.sessions.use(async (session) => {
      const known = this.#known?.session === session ? this.#known : undefined;
      const isFresh = known && this.#options.clock.monoMs() - known.readMs < FRESH_MS;
      return (isFresh ? known.outputs : await this.#read(session)).map((output) => this.#shown(output));
    });
  }

  /** Off is no error for an output that goes off by itself. @throws PerchError notFound for an unknown id */
  async set(id: string, isOn: boolean): Promise<void> {
    await this.#with(id, async (session, output) => {
      if (output.by === 'relay') {
        await switchRelay(session, this.#ways, output.of, isOn);
        return true;
      }
      const command = isOn ? output.of.on : output.of.off;
      if (command !== undefined) {
        await this.#ways.use(
          id,
          output.services.map(
            (service): Way<unknown> => [
              service,
              () => (service === 'device' ? sendCommand(session, command) : this.#options.ptz.sendCommand(command)),
            ],
          ),
        );
      }
      return true;
    });
  }

  /** Sets mode, delay or idle state of a relay. @returns the output as read back. @throws PerchError notFound */
  setRelay(id: string, wanted: Partial<RelaySettings>): Promise<Output> {
    return this.#with(id, async (session, output) => {
      if (output.by !== 'relay') {
        return undefined;
      }
      const { id: own, kind, name } = output;
      const set = await setRelay(session, this.#ways, output.of, wanted);
      this.#known = undefined;
      return { id: own, kind, name, isOn: this.#isOn(set), ...relayFacts(set) };
    });
  }

  #shown(output: Known): Output {
    const { id, kind, name, isMomentary, relay } = output;
    return { id, kind, name, isOn: output.by === 'relay' ? this.#isOn(output.of) : null, isMomentary, relay };
  }

  #isOn({ token }: Relay): boolean | null {
    return this.#options.isRelayOn?.(token) ?? null;
  }

  /** @param work returns undefined if the output is of the wrong kind */
  async #with<T>(id: string, work: (session: OnvifSession, output: Known) => Promise<T | undefined>): Promise<T> {
    const byId = (outputs: readonly Known[] = []) => outputs.find((one) => one.id === id);
    const result = await this.#options.sessions.use(async (session) => {
      const known = this.#known?.session === session ? byId(this.#known.outputs) : undefined;
      const output = known ?? byId(await this.#read(session));
      return output && work(session, output);
    });
    if (result === undefined) {
      // Not within `use`: the session is not to blame.
      throw new PerchError('notFound', `the camera has no such output: '${id.slice(0, 64)}'`);
    }
    return result;
  }

  async #read(session: OnvifSession): Promise<readonly Known[]> {
    const relays = await unlessSilent(readRelays(session));
    const ofDevice = await unlessSilent(readCommands(session));
    const ofPtz = await this.#options.ptz.commands();
    const found: Known[] = [
      ...relays.map((of, i): Known => {
        const name = relays.length === 1 ? 'Relay' : `Relay ${i + 1}`;
        return { id: `relay-${plainLine(of.token) ?? i + 1}`, kind: 'relay', name, ...relayFacts(of), by: 'relay', of };
      }),
      ...auxiliariesOf([...ofDevice, ...ofPtz]).map((of): Known => {
        const { word, kind, name, on, off } = of;
        const services = (['device', 'ptz'] as const).filter((one) => (one === 'ptz' ? ofPtz : ofDevice).includes(on));
        const facts = { id: `aux-${word}`, kind, name, isMomentary: off === undefined, relay: null };
        return { ...facts, by: 'command', of, services };
      }),
    ];
    // Two tokens may look the same on one line.
    const outputs = [...new Map(found.toReversed().map((one) => [one.id, one])).values()].toReversed();
    this.#known = { session, outputs, readMs: this.#options.clock.monoMs() };
    return outputs;
  }
}

/** Some cameras do not reply to what they do not know. */
const unlessSilent = <T>(reading: Promise<readonly T[]>): Promise<readonly T[]> =>
  reading.catch((error: unknown) => {
    if (!isTrouble(error, 'timeout')) {
      throw error;
    }
    return [];
  });

const relayFacts = ({ mode, seconds, idle }: Relay) => ({
  isMomentary: mode === 'monostable',
  relay: { mode, seconds, idle },
});
