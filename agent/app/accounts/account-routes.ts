import type { Accounts } from '../../auth/accounts/accounts.ts';
import type { ViewLog } from '../../auth/accounts/view-log.ts';
import type { Authority } from '../../auth/permissions/authorize.ts';
import { isSerious, type Problem, problemText } from '../../config/yaml/problem.ts';
import type { FeatureRoutes, Host } from '../../features/contract.ts';
import { devicePasswordRoutes } from '../../http/api/accounts/device-password-routes.ts';
import { guestRoutes } from '../../http/api/accounts/guest-routes.ts';
import { peopleRoutes } from '../../http/api/accounts/people-routes.ts';
import { secondFactorRoutes } from '../../http/api/accounts/second-factor-routes.ts';
import { sessionRoutes } from '../../http/api/accounts/session-routes.ts';
import { sharedClipRoutes } from '../../http/api/accounts/shared-clip-routes.ts';
import { viewRoutes } from '../../http/api/accounts/view-routes.ts';
import type { HttpsAddresses } from '../../http/auth/https-addresses.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import type { Servers } from '../servers/servers.ts';
import { GuestClips } from './guest-clips.ts';

/** Delay between an opened page and loading the code for live video, which takes 0.3 s of CPU time: the page is answered first. */
const PREPARE_AFTER_MS = 250;

export interface AccountRoutesDeps extends Pick<Host, 'clock' | 'signal' | 'wrongCredentials'> {
  readonly accounts: Accounts;
  readonly authority: Authority;
  readonly views: ViewLog;
  readonly recordings: Recordings;
  readonly servers: Servers;
  /** Problems of the current configuration file. */
  problems(): readonly Problem[];
  readonly store: { readonly current: { readonly server: boolean } };
}

/** Sessions, people, guests, passwords of devices, and the viewing history. */
export const accountRoutes = (deps: AccountRoutesDeps, https: HttpsAddresses): FeatureRoutes => ({
  listener: 'main',
  mount: async (app, access) => {
    const { accounts, authority, wrongCredentials, views, recordings, servers, clock, signal } = deps;
    const { people } = accounts;
    const wallMs = () => clock.wallMs();
    await app.register(sessionRoutes, {
      accounts,
      access,
      wrongCredentials,
      https,
      notices: {
        get isOpen() {
          return authority.isOpen;
        },
        isServer: () => deps.store.current.server,
        get warnings() {
          return [
            ...authority.warnings.map((text) => ({ why: null, file: null, text })),
            ...deps
              .problems()
              .filter(isSerious)
              .map((problem) => ({ why: problem.why ?? null, file: problem.file, text: problemText(problem) })),
          ];
        },
      },
      onPageOpened: () => {
        void clock.sleep(PREPARE_AFTER_MS, signal).then(() => signal.aborted || servers.prepare());
      },
    });
    await app.register(peopleRoutes, { access, people });
    await app.register(secondFactorRoutes, { accounts, access, wrongCredentials });
    await app.register(viewRoutes, { access, views });
    await app.register(devicePasswordRoutes, { access, people, protocols: servers.protocols });
    const clips = new GuestClips({ access, recordings, views });
    await app.register(guestRoutes, { access, people, wrongCredentials, clips, wallMs });
    await app.register(sharedClipRoutes, { access, guests: people.guests, clips });
  },
});
