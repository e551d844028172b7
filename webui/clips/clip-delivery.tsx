import { Button } from '../ui/controls/button.tsx';
import { SharingNeedsHttps } from '../ui/controls/sharing-needs-https.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { clipWords } from '../words/clips.ts';
import { percent } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import type { ClipDownload } from './clip-download.ts';

interface ClipDeliveryProps {
  readonly delivery: ClipDownload;
  readonly isOff: boolean;
}

/** Sharing and downloading a clip, with progress. */
export function ClipDelivery({ delivery, isOff }: ClipDeliveryProps) {
  const { language, words: common } = i18n();
  const words = clipWords.value;
  const { share, hasFailed, isReady, canSend, download, send, cancel } = delivery;
  if (share !== undefined) {
    const text = words.fetching(percent(share, language));
    return (
      <div class="clip-actions">
        <p class="clip-progress digits">
          <progress value={share} aria-label={text} />
          <span aria-hidden="true">{text}</span>
        </p>
        <Button onClick={cancel}>{common.cancel}</Button>
      </div>
    );
  }
  return (
    <>
      <div class="clip-actions">
        {canSend && (
          <Button kind="main" isOff={isOff} onClick={send}>
            <Icon name="share" small />
            {isReady ? words.shareReady : words.share}
          </Button>
        )}
        <Button kind={canSend ? 'quiet' : 'main'} isOff={isOff} onClick={download}>
          <Icon name="download" small />
          {words.download}
        </Button>
      </div>
      <SharingNeedsHttps text={words.shareNeedsHttps} steps={words.httpsSteps} />
      {hasFailed && (
        <p class="hint bad" role="alert">
          <Icon name="alert" small />
          <span>{words.notFetched}</span>
        </p>
      )}
    </>
  );
}
