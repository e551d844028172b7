import { EventLoopWatch } from '../../system/event-loop.ts';
import { optimizeForMedia } from '../../system/memory.ts';
import { ProcessLoad } from '../../system/process-load.ts';
import { ViewLog } from '../auth/accounts/view-log.ts';
import { Authority } from '../auth/permissions/authorize.ts';
import { rulesOf } from '../auth/permissions/rules.ts';
import { WrongCredentials } from '../auth/throttle/wrong-credentials.ts';
import { setLogLevel } from '../base/log.ts';
import { LOG_KEYS } from '../base/log-output.ts';
import { PreLoginMemory } from '../base/network/pre-login-memory.ts';
import { pick } from '../base/pick.ts';
import type { Config } from '../config/load/load.ts';
import { pullsAny } from '../paths/path-settings.ts';
import type { NamedCertificates } from '../tls/named-certificates.ts';
import { OwnCertificate } from '../tls/own-certificate.ts';
import type { Shared } from './app-state.ts';
import { MdnsName } from './device/mdns-name.ts';
import type { OpenFeatures } from './features/open-features.ts';

/** The box itself: who may use it, its name and certificate, and the load of the program. */
export class HostPart {
  readonly authority: Authority;
  readonly wrongCredentials: WrongCredentials;
  readonly preLogin: PreLoginMemory;
  readonly views: ViewLog;
  readonly load: ProcessLoad;
  readonly loop: EventLoopWatch;
  readonly name: MdnsName;
  readonly own: OwnCertificate;
  readonly certificates: NamedCertificates;
  readonly #shared: Shared;

  constructor(shared: Shared, objection: OpenFeatures['objection']) {
    const { accounts, config, clock, log, signal, pairedServers } = shared;
    this.#shared = shared;
    this.authority = new Authority(accounts, rulesOf(config()), { clock, log, objection, servers: pairedServers });
    this.wrongCredentials = new WrongCredentials(clock, signal);
    this.preLogin = new PreLoginMemory(clock, log);
    const isDevice = (user: string) => user.startsWith('server:') || accounts.device(user) !== undefined;
    const roleOf = (user: string) => accounts.person(user)?.role ?? (isDevice(user) ? 'device' : 'other');
    this.views = new ViewLog({ ...shared, roleOf, keptMs: () => config().viewsDeleteAfterMs });
    this.load = new ProcessLoad(clock);
    this.loop = new EventLoopWatch(clock);
    this.name = new MdnsName({ ...shared, boxId: pairedServers.boxId });
    this.own = new OwnCertificate({ ...shared, names: () => this.name.certificateNames() });
    this.certificates = this.own.named;
  }

  apply(config: Config): void {
    const { log, output } = this.#shared;
    setLogLevel(log, config.logLevel);
    output?.apply(pick(config, LOG_KEYS));
    this.authority.setRules(rulesOf(config));
    if (pullsAny(config)) {
      optimizeForMedia();
    }
  }

  close(): void {
    this.load.close();
    this.loop.close();
  }
}
