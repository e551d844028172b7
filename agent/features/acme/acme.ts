import { explain, PerchError } from '../../base/errors.ts';
import { pick } from '../../base/pick.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import type { FeatureMetric } from '../../http/metrics/device-metrics.ts';
import { loadLate } from '../../protocols/late.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { AcmeFile } from './acme-file.ts';
import { ChallengePort } from './challenge-port.ts';
import { ACME, opensPort } from './keys.ts';
import { Challenges } from './order/challenges.ts';
import { type AcmeWhy, whyOf } from './order/failure.ts';
import { Renewal, type RenewalStatus } from './renewal.ts';
import type { AcmeControl, AcmeState } from './routes.ts';

const PART = 'certificate of a public authority';
const OFF: AcmeState = { state: 'off', names: [], until: null, next: null, error: null, why: null, since: null };

type AcmeDeps = Pick<Host, 'dataDir' | 'clock' | 'log' | 'config' | 'certificates' | 'https'> & {
  readonly recordings: Pick<Host['recordings'], 'isClockTrusted'>;
};

/** The certificate of a public authority while names are configured. What orders it is loaded then. */
export class Acme implements AcmeControl {
  readonly #deps: AcmeDeps;
  readonly challenges = new Challenges();
  #renewal: Renewal | undefined;
  /** Why the last start failed. */
  #failedStart: { readonly why: AcmeWhy; readonly error: string; readonly sinceMs: number } | undefined;

  constructor(deps: AcmeDeps) {
    this.#deps = deps;
  }

  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      settings: (config) => {
        const settings = settingsIn(config, ACME);
        const keys = ['acmeDomains', 'acmeEmail', 'acmeURL', 'acmeAddress', 'address'] as const;
        return settings.acmeDomains.length === 0 ? undefined : pick(settings, keys);
      },
      start: async (config) => {
        const port = this.#portFor(config);
        const renewal = this.#renewalFor(config, port);
        try {
          await renewal.start();
        } catch (error) {
          const sinceMs = this.#failedStart?.sinceMs ?? this.#deps.clock.wallMs();
          this.#failedStart = { why: whyOf(error), error: explain(error), sinceMs };
          throw error;
        }
        this.#failedStart = undefined;
        this.#renewal = renewal;
        return async () => {
          this.#renewal = undefined;
          await renewal.close();
          await port?.close();
        };
      },
    };
  }

  #portFor(config: Config): ChallengePort | undefined {
    const settings = settingsIn(config, ACME);
    const { log, https } = this.#deps;
    return opensPort(settings)
      ? new ChallengePort({
          address: settings.acmeAddress,
          challenges: this.challenges,
          httpsPort: () => https()?.port,
          log,
        })
      : undefined;
  }

  #renewalFor(config: Config, port: ChallengePort | undefined): Renewal {
    const { dataDir, clock, log, certificates, recordings } = this.#deps;
    const { acmeDomains: names, acmeEmail: email, acmeURL: directory } = settingsIn(config, ACME);
    const part = () => loadLate(PART, () => import('./order/order.ts'));
    return new Renewal({
      settings: { names: [...new Set(names)], email, directory },
      file: new AcmeFile(dataDir, log),
      challenges: this.challenges,
      port,
      newKey: async () => (await part()).newKey(),
      order: async (request) => (await part()).orderCertificate(request),
      isClockTrusted: () => recordings.isClockTrusted,
      certificates,
      clock,
      log,
    });
  }

  /** The names lead here, so WebRTC offers their addresses, too: a machine may not know its own public one. */
  inForce(config: Config): Config {
    const { webrtcAdditionalHosts: hosts } = config;
    const more = settingsIn(config, ACME).acmeDomains.filter((name) => !hosts.includes(name));
    return more.length === 0 ? config : { ...config, webrtcAdditionalHosts: [...hosts, ...more] };
  }

  get state(): AcmeState {
    const names = settingsIn(this.#deps.config(), ACME).acmeDomains;
    const status = this.#renewal?.status;
    if (names.length === 0) {
      return OFF;
    }
    const { why = null, error = null, sinceMs } = status?.failure ?? this.#failedStart ?? {};
    const until = status?.certificate?.untilMs;
    const isValid = until !== undefined && until > this.#deps.clock.wallMs();
    return {
      state: status?.isOrdering ? 'ordering' : isValid && hasAll(status, names) ? 'valid' : 'waiting',
      names: [...names],
      until: textOf(until),
      next: textOf(status?.nextMs),
      error,
      why,
      since: textOf(sinceMs),
    };
  }

  retry(): void {
    if (!this.#renewal) {
      throw new PerchError('badInput', 'acmeDomains names no host');
    }
    this.#renewal.retry();
  }

  /** The old certificate stays in use, so the line says how long it is valid. */
  problems(): readonly FeatureProblem[] {
    const { error, why, since, until } = this.state;
    if (error === null) {
      return [];
    }
    const isOver = until !== null && Date.parse(until) <= this.#deps.clock.wallMs();
    const present =
      until === null ? '' : ` (the present certificate ${isOver ? 'has expired on' : 'is valid until'} ${until})`;
    return [{ why, text: `no new certificate: ${error}${present}`, since }];
  }

  metrics(): readonly FeatureMetric[] {
    const status = this.#renewal?.status;
    if (!status) {
      return [];
    }
    const endS = Math.floor((status.certificate?.untilMs ?? 0) / 1_000);
    return [
      ['acme_certificate_end_seconds', 'gauge', 'End of the certificate, Unix time; 0: there is none.', endS],
      ['acme_failing', 'gauge', 'Whether the last attempt to get a certificate failed.', status.failure ? 1 : 0],
    ];
  }
}

const hasAll = (status: RenewalStatus | undefined, names: readonly string[]): boolean =>
  status?.certificate !== undefined && names.every((name) => status.certificate?.names.includes(name));

const textOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
