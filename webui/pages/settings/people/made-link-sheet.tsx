import type { GuestLink } from '../../../people/guest-link.ts';
import { expiryText } from '../../../people/link-expiry.ts';
import { isLocalOnly } from '../../../people/local-address.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { SharingNeedsHttps } from '../../../ui/controls/sharing-needs-https.tsx';
import { i18n } from '../../../words/i18n.ts';
import { peopleWords } from '../../../words/settings/people.ts';
import { OnceField, OnceSheet } from './once-sheet.tsx';

interface MadeLinkSheetProps {
  readonly made: GuestLink;
  /** What its guests see, as a sentence. */
  readonly sees: string;
  readonly onClosed: () => void;
}

/** The new link, with ways to share it. */
export function MadeLinkSheet({ made, sees, onClosed }: MadeLinkSheetProps) {
  const t = peopleWords.value;
  const { language } = i18n();
  const until = expiryText(Date.parse(made.until), nowMs.value, language, t);
  const data = { url: made.link };
  const canShare = typeof navigator.share === 'function' && navigator.canShare?.(data) !== false;
  return (
    <OnceSheet
      title={t.newGuestLink}
      secret={made.link}
      copy={t.copyAction}
      copied={t.linkCopied}
      extra={canShare && <Button onClick={() => void navigator.share(data).catch(() => {})}>{t.shareLink}</Button>}
      onClosed={onClosed}
    >
      <p>
        {t.linkMade(until)} {sees}
      </p>
      {isLocalOnly(made.link) && <p class="dim small">{t.linkAtHome}</p>}
      <OnceField label={t.link} value={made.link} hint={t.linkOnce} />
      <SharingNeedsHttps text={t.shareNeedsHttps} steps={t.httpsSteps} />
    </OnceSheet>
  );
}
