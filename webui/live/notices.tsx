import type { ComponentChildren } from 'preact';
import { unreachableSinceMs } from '../api-client/paths.ts';
import { restarting } from '../api-client/restart.ts';
import { access, guestLinkError, session } from '../api-client/session.ts';
import { canPlayLive } from '../player/session/codecs.ts';
import { nowMs } from '../shell/page-state.ts';
import { Icon, Mark } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { liveWords, loadSettingsWords, words } from '../words/words.ts';

const QUIET_MS = 3_000;

/** Shown while the box does not answer. */
export function AwayStrip() {
  const since = unreachableSinceMs.value;
  const isLong = since !== undefined && nowMs.value - since >= QUIET_MS;
  const seconds = restarting.value?.seconds;
  const link = guestLinkError.value;
  const { boxAway, boxStarts, tooManyTries } = words.value;
  return (
    <div class="strip" role="status" hidden={!isLong && seconds === undefined && !link}>
      {seconds !== undefined
        ? boxStarts(seconds)
        : link?.retryAfterS !== undefined
          ? tooManyTries(link.retryAfterS)
          : (isLong || link) && boxAway}
    </div>
  );
}

/** For a box without an owner whose configuration shows the cameras to everyone. */
export function ClaimNotice() {
  const { notYours, makeYours } = words.value;
  const isFree = session.value?.claimed === false && access.value === 'granted';
  return isFree ? (
    <p class="notice">
      <span>{notYours}</span>
      <a class="text" href="#/start">
        {makeYours}
      </a>
    </p>
  ) : null;
}

/** For browsers without WebRTC, Media Source and native HLS. */
export function OldBrowser() {
  return canPlayLive() ? null : (
    <p class="notice" role="alert">
      <Icon name="alert" />
      <span>{words.value.oldBrowser}</span>
    </p>
  );
}

const SetupWarnings = lazyPart(async () => {
  const [part] = await Promise.all([import('./setup-warnings.tsx'), loadSettingsWords()]);
  return part.SetupWarnings;
});

/** For the owner. */
export const Warnings = () => ((session.value?.warnings.length ?? 0) > 0 ? <SetupWarnings /> : null);

export function NoSuchCamera() {
  const { unknownCamera, unknownCameraText, toLive } = liveWords.value;
  return (
    <Empty title={unknownCamera} text={unknownCameraText}>
      <a class="button main" href="#/live">
        {toLive}
      </a>
    </Empty>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly text: string;
  readonly children?: ComponentChildren;
}

/** An empty page: what it will show, and how to get there. */
export function Empty({ title, text, children }: EmptyProps) {
  return (
    <div class="empty">
      <Mark />
      <h2>{title}</h2>
      <p class="dim">{text}</p>
      {children}
    </div>
  );
}
