import { randomBytes } from 'node:crypto';
import { explain, PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { pick } from '../../base/pick.ts';
import type { Component } from '../../base/reconciler.ts';
import { HIDDEN } from '../../config/edit/json.ts';
import { checkKept } from '../../config/edit/kept-secrets.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { checkSyntax } from '../../config/schema/syntax.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Host } from '../contract.ts';
import { MQTT, mqttPinFault } from './keys.ts';
import { whyOf } from './link/failure.ts';
import type { MqttLink } from './link/mqtt-link.ts';
import type { BrokerSettings } from './link/settings.ts';
import { type MqttSourceDeps, mqttSource } from './mqtt-source.ts';
import type { MqttControl, MqttResult, MqttState, MqttTest } from './routes.ts';

const PART = 'MQTT link';
/** Time limit for a test of the broker, whose steps have time-outs of their own. */
const TEST_MS = 20_000;
const OFF: MqttState = { state: 'off', error: null, why: null, since: null, queued: 0, dropped: 0 };
const LINK_KEYS = Object.keys(MQTT.schema) as (keyof typeof MQTT.schema)[];

type MqttDeps = MqttSourceDeps & Pick<Host, 'dataDir' | 'clock' | 'log' | 'settings' | 'signal'>;

/** The link to the MQTT broker while it is configured. Its code is loaded then. */
export class Mqtt implements MqttControl {
  readonly #deps: MqttDeps;
  #link: MqttLink | undefined;
  #isTesting = false;

  constructor(deps: MqttDeps) {
    this.#deps = deps;
  }

  get status(): MqttState {
    if (!this.#link) {
      return OFF;
    }
    const { state, error = null, why = null, sinceMs, queued, dropped } = this.#link.status;
    return { state, error, why, since: new Date(sinceMs).toISOString(), queued, dropped };
  }

  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      settings: (config) => {
        const settings = settingsIn(config, MQTT);
        return settings.mqtt ? pick(settings, LINK_KEYS) : undefined;
      },
      start: async (config) => {
        const { clock, log, dataDir: folder } = this.#deps;
        const part = await loadLate(PART, () => import('./link/mqtt-link.ts'));
        const settings = pick(settingsIn(config, MQTT), LINK_KEYS);
        const link = await part.MqttLink.start({ settings, source: mqttSource(this.#deps), folder, clock, log });
        this.#link = link;
        return async () => {
          this.#link = undefined;
          await link.close();
        };
      },
    };
  }

  async test(wanted: MqttTest): Promise<MqttResult> {
    const settings = this.#tested(wanted);
    if (this.#isTesting) {
      throw new PerchError('exhausted', 'another test is under way: try again in a moment', { isBusy: true });
    }
    this.#isTesting = true;
    try {
      const { openBroker } = await loadLate(PART, () => import('./link/connection.ts'));
      await withJoinedSignal([this.#deps.signal], TEST_MS, async ({ signal }) => {
        const clientId = `perch-test-${randomBytes(4).toString('hex')}`;
        const connection = await openBroker({ settings, clientId, signal });
        await connection.close();
      });
      return { isGood: true, error: null, why: null };
    } catch (error) {
      return { isGood: false, error: explain(error), why: whyOf(error) };
    } finally {
      this.#isTesting = false;
    }
  }

  /** @throws PerchError badInput, also for the kept password with another host: a test must not send it there */
  #tested(wanted: MqttTest): BrokerSettings {
    const now = settingsIn(this.#deps.settings(), MQTT);
    const mqttURL = checkSyntax('brokerUrl', wanted.mqttURL ?? now.mqttURL);
    if (mqttURL === '') {
      throw new PerchError('badInput', 'mqttURL is not set');
    }
    const isKept = [undefined, HIDDEN].includes(wanted.mqttPassword);
    checkKept(MQTT.schema, { ...wanted, mqttURL }, (key) => ({ ...now })[key]);
    const mqttFingerprint = checkSyntax('fingerprint', wanted.mqttFingerprint ?? now.mqttFingerprint);
    const fault = mqttPinFault({ mqttURL, mqttFingerprint });
    if (fault !== undefined) {
      throw new PerchError('badInput', `mqttFingerprint: ${fault}`);
    }
    return {
      mqttURL,
      mqttUser: wanted.mqttUser ?? now.mqttUser,
      mqttPassword: isKept ? now.mqttPassword : (wanted.mqttPassword ?? ''),
      mqttFingerprint,
    };
  }
}
