import type { GuestLink } from '../../../people/guest-link.ts';
import { expiryText } from '../../../people/link-expiry.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { SharingNeedsHttps } from '../../../ui/controls/sharing-needs-https.tsx';
import { i18n } from '../../../words/i18n.ts';
import { peopleWords } from '../../../words/settings/people.ts';
import { OnceField, OnceSheet } from './once-sheet.tsx';

/** Names that no public name server knows (RFC 6762 §3, RFC 8375, RFC 6761 §6.3). */
const HOME_NAME = /(?:^[^.]+|\.(?:local|lan|home|internal|home\.arpa|localhost))$/;
/** RFC 1918, RFC 3927, loopback, RFC 6598; RFC 4193 and RFC 4291 §2.5.6. */
const HOME_ADDRESS =
  /^(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|\[f[cd]|\[fe[89ab]|\[::1\])/;
const IPV4 = /^\d+(?:\.\d+){3}$/;

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

/** Whether the address is reachable only in the box's own network. */
export function isLocalOnly(link: string): boolean {
  const { hostname } = new URL(link);
  return IPV4.test(hostname) || hostname.startsWith('[') ? HOME_ADDRESS.test(hostname) : HOME_NAME.test(hostname);
}
