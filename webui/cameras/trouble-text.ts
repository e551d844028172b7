import type { CinemaWords } from '../words/en/cinema.ts';
import type { Absence } from './offline-reason.ts';

/** What goes on and what to do, by why there is no picture. */
export const absenceWords = (absence: Absence, say: CinemaWords): string =>
  ({
    password: say.offlinePassword,
    forbidden: say.offlineForbidden,
    noStream: say.offlineNoStream,
    noRoom: say.offlineNoRoom,
    noNetwork: say.offlineNoNetwork,
    refuses: say.offlineRefuses,
    silent: say.offlineSilent,
    unknown: say.offlineText,
  })[absence];
