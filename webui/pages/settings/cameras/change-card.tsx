import { nowMs } from '../../../shell/page-state.ts';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { videoWords } from '../../../words/settings/video.ts';
import type { SeenChange } from './data/video-data.ts';

/** The box restores the former settings after a minute. */
const CHECKING_S = 60;

/** How a change of the encoder goes. */
export function ChangeCard({ change }: { readonly change: SeenChange }) {
  const { changing } = camerasWords.value;
  const ownWords = videoWords.value;
  const { state, sinceMs } = change;
  switch (state) {
    case 'checking':
      return (
        <MessageCard icon="clock" tone="calm" title={changing} text={ownWords.waiting}>
          <progress
            aria-label={changing}
            max={CHECKING_S}
            value={Math.min(CHECKING_S, (nowMs.value - sinceMs) / 1000)}
          />
        </MessageCard>
      );
    case 'done':
      return <MessageCard icon="ok" tone="calm" title={ownWords.back} text={ownWords.backText} />;
    case 'restoring':
      return <MessageCard icon="clock" tone="warn" title={ownWords.gone} text={ownWords.restoring} />;
    case 'restored':
      return <MessageCard icon="alert" tone="warn" title={ownWords.gone} text={ownWords.restored} />;
    case 'notRestored':
      return <MessageCard icon="alert" tone="bad" title={ownWords.gone} text={ownWords.notRestored} />;
    default:
      return null;
  }
}
