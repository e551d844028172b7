import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { addLayer } from '../shell/layer.ts';
import { clipsLink } from '../shell/route.ts';
import { gapReasonText, reasonOf } from '../timeline/gap-reasons.ts';
import { laneFor } from '../timeline/lane-data.ts';
import { spans } from '../timeline/view.ts';
import { useMedia } from '../ui/browser/use-media.ts';
import { Button } from '../ui/controls/button.tsx';
import { toast, toastWithLink } from '../ui/feedback/toast.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { clipWords } from '../words/clips.ts';
import { byteSize, clockSeconds, duration, listed, number } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';
import { libraryWords } from '../words/settings/library.ts';
import { type Clip, gapsIn, missingMs } from './clip.ts';
import { ClipDelivery } from './clip-delivery.tsx';
import { useClipDownload, useClipSize } from './clip-download.ts';
import { clearClip, setEndHere } from './clip-selection.ts';
import { protectClip, protectionOf, unprotectClip, useProtections } from './protected-list.tsx';

interface ClipPanelProps {
  readonly name: string;
  readonly title: string;
  readonly clip: Clip;
  /** Called when Back has closed the sheet. */
  readonly onBack: () => void;
}

const DeleteRangeSheet = lazyPart(() => import('./delete-range-sheet.tsx').then((part) => part.DeleteRangeSheet));

/** Windows in which the panel is a row of the controls. */
const ROW = '(min-width: 820px), (orientation: landscape) and (max-height: 500px)';

/** Length, size and actions of the clip. A sheet on phones, else a row. */
export function ClipPanel({ name, title, clip, onBack }: ClipPanelProps) {
  const { language, words: common } = i18n();
  const words = clipWords.value;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    heading.current?.focus({ preventScroll: true });
    return () => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  const isRow = useMedia(ROW);
  // In the commit, like the entry of a sheet, which may replace it.
  useLayoutEffect(() => (isRow ? undefined : addLayer(onBack)), [isRow]);
  const isEmpty = missingMs(spans.value, clip) >= clip.endMs - clip.startMs;
  const size = useClipSize(isEmpty ? undefined : name, clip);
  const delivery = useClipDownload(name, title, clip, size);
  const length = duration(clip.endMs - clip.startMs, { language, words: common });
  const [isDeleting, setDeleting] = useState(false);
  return (
    <>
      <section class="clip-panel" aria-labelledby="clip-title">
        <header>
          <div>
            <h2 id="clip-title" tabIndex={-1} ref={heading}>
              {words.clip(length)}
            </h2>
            <p class="dim digits">
              <span class="clip-times">
                {clockSeconds(clip.startMs, language)} – {clockSeconds(clip.endMs, language)}
              </span>
              {size !== undefined && <span>{byteSize(size, language)}</span>}
            </p>
          </div>
          {isOwner.value && !isEmpty && (
            <button
              class="round danger"
              type="button"
              aria-label={libraryWords.value.deleteRecordings}
              onClick={() => setDeleting(true)}
            >
              <Icon name="bin" />
            </button>
          )}
          <button class="round" type="button" aria-label={common.close} onClick={clearClip}>
            <Icon name="cross" />
          </button>
        </header>
        <Missing name={name} clip={clip} isEmpty={isEmpty} />
        <div class="clip-ends">
          <Button onClick={() => setEndHere('start')}>{words.startHere}</Button>
          <Button onClick={() => setEndHere('end')}>{words.setEndHere}</Button>
        </div>
        <ClipDelivery delivery={delivery} isOff={isEmpty} />
        {isOwner.value && <Keep name={name} clip={clip} />}
      </section>
      {isDeleting && <DeleteRangeSheet name={name} title={title} clip={clip} onClosed={() => setDeleting(false)} />}
    </>
  );
}

/** Note that the clip has gaps, so that it is not shared unnoticed. */
function Missing({ name, clip, isEmpty }: Pick<ClipPanelProps, 'name' | 'clip'> & { readonly isEmpty: boolean }) {
  const { language } = i18n();
  const { clipGap, clipGapFor, clipEmpty } = clipWords.value;
  const ms = missingMs(spans.value, clip);
  if (ms === 0 && !isEmpty) {
    return null;
  }
  const why = missingReason(name, clip);
  const seconds = number(Math.round(ms / 1000), 0, language);
  const text = why === undefined ? clipGap(seconds) : clipGapFor(seconds, why);
  return (
    <p class="hint clip-missing" role="status">
      <Icon name="alert" small />
      <span>{isEmpty ? clipEmpty : text}</span>
    </p>
  );
}

/** Distinct reasons of the gaps; undefined if one is unknown. */
function missingReason(name: string, clip: Clip): string | undefined {
  const { reasons } = laneFor(name, { fromMs: clip.startMs, toMs: clip.endMs });
  const all = gapsIn(spans.value, clip).map(({ startMs, endMs }) =>
    gapReasonText(reasonOf(reasons, startMs, endMs), recordingsWords.value),
  );
  const known = all.filter((reason) => reason !== undefined);
  return known.length < all.length ? undefined : listed([...new Set(known)], i18n().language);
}

function Keep({ name, clip }: { readonly name: string; readonly clip: Clip }) {
  const words = clipWords.value;
  const t = libraryWords.value;
  const all = useProtections(name);
  const [isBusy, setBusy] = useState(false);
  const kept = protectionOf(all ?? [], clip);
  const toggle = async () => {
    if (isBusy || !all) {
      return;
    }
    setBusy(true);
    try {
      // Shown as saved only after the box has confirmed it.
      await (kept ? unprotectClip(name, kept.id) : protectClip(name, clip));
      if (!kept) {
        toastWithLink(t.clipIsSaved, t.showClips, clipsLink());
      }
    } catch {
      toast(words.clipNotSaved);
    }
    setBusy(false);
  };
  return (
    <button class="row switch clip-keep" type="button" role="switch" aria-checked={kept !== undefined} onClick={toggle}>
      <Icon name="lock" />
      <span class="grow">
        <b>{kept ? t.clipSaved : t.saveClip}</b>
        <span class="small dim">{t.saveClipText}</span>
      </span>
      <i class="slot" />
    </button>
  );
}
