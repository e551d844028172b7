import type { Clock } from '../../../base/clock.ts';
import { type OnvifLink, openOnvifSession } from '../../../cameras/onvif/onvif-link.ts';
import type { OnvifSession } from '../../../onvif/device/onvif-session.ts';
import type { CardSummary } from '../../../onvif/recordings/card-recordings.ts';
import { hasReplay, readCardSummary } from '../../../onvif/recordings/card-services.ts';
import { isTrouble } from '../../../onvif/soap/http/failures.ts';

/** Asks a camera for its card. `card` is undefined if it has no Profile G, or nothing is recorded there. @throws PerchError */
export async function openCard(
  link: OnvifLink,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly session: OnvifSession; readonly card: CardSummary | undefined }> {
  const session = await openOnvifSession(link, clock, signal);
  if (!hasReplay(session)) {
    return { session, card: undefined };
  }
  const card = await readCardSummary(session).catch((error: unknown) => {
    if (isTrouble(error, 'notSupported')) {
      return undefined;
    }
    throw error;
  });
  return { session, card: card && card.recordings > 0 ? card : undefined };
}
