import { useEffect, useRef, useState } from 'preact/hooks';
import { fetchJson } from '../../api-client/request.ts';
import { encodeName, pictureAddress } from '../../api-client/urls.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { ShapeBoard } from '../../camera-view/mask-board.tsx';
import { boundsOf, isWide, rectangleOf, type Shape } from '../../cameras/mask-shape.ts';
import { RecordedThumbnail } from '../../clips/thumbnail.tsx';
import { LEAD_MS } from '../../timeline/view.ts';
import { Button } from '../../ui/controls/button.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { toastFailure } from '../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { momentSeconds } from '../../words/dates.ts';
import { dayStart, duration, longDuration, nextDay, percent } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { DAY_MS } from '../../words/units.ts';
import type { RecordedToolProps } from '../contract.ts';
import { motionWords } from './words.ts';

const PERIODS = ['day', 'week'] as const;
type PeriodName = (typeof PERIODS)[number];
/** Width of the still picture, in pixels. */
const PICTURE_WIDTH = 960;
/** The middle of the picture. */
const FIRST_BOX = rectangleOf([0.35, 0.35], [0.65, 0.65]);

interface Found {
  readonly moments: readonly { readonly start: string; readonly duration: number; readonly peak: string }[];
  readonly isCut: boolean;
  readonly unreadSeconds: number;
  readonly unreadableSeconds: number;
  readonly progress: number | null;
}

interface FindSheetProps extends RecordedToolProps {
  /** The moment whose picture is shown, and whose day is searched. */
  readonly ms: number;
  readonly onClosed: () => void;
}

/** The search for motion in a part of the picture. */
export function FindSheet({ name, ms, onGo, onClosed }: FindSheetProps) {
  const t = motionWords.value;
  const [box, setBox] = useState<Shape>(FIRST_BOX);
  // A drag changes the box often; the search follows when it has ended.
  const [searched, setSearched] = useState<Shape>(FIRST_BOX);
  const [period, setPeriod] = useState<PeriodName>('day');
  const [size, setSize] = useState<string>();
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => isWide(box) && setSearched(box), 300);
    return () => clearTimeout(timer);
  }, [box]);
  return (
    <Sheet title={t.find} isDone={isDone} onClosed={onClosed}>
      <p class="dim small">{t.findText}</p>
      <ShapeBoard
        size={size}
        masks={[{ token: 'box', points: box, enabled: true, label: t.box }]}
        draft={{ token: 'box', points: box }}
        isRectangleOnly
        mayAdd={false}
        mayLeave
        isLocked={false}
        onDraft={(draft) => draft && setBox(draft.points)}
      >
        <Still name={name} ms={ms} onSize={(width, height) => setSize(`${width}×${height}`)} />
      </ShapeBoard>
      <p class="dim small" id="mask-keys">
        {t.boxHint}
      </p>
      <SegmentedControl
        label={t.period}
        value={period}
        options={PERIODS.map((value) => ({ value, text: { day: t.thisDay, week: t.thisWeek }[value] }))}
        onChange={setPeriod}
      />
      <Moments
        name={name}
        query={queryOf(searched, ms, period)}
        onGo={(at) => {
          setDone(true);
          onGo(at);
        }}
      />
    </Sheet>
  );
}

interface StillProps {
  readonly name: string;
  readonly ms: number;
  readonly onSize: (width: number, height: number) => void;
}

/** The picture of the moment: what the player shows, else that of the box. */
function Still({ name, ms, onSize }: StillProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isPlayed, setPlayed] = useState(true);
  useEffect(() => {
    const video = document.querySelector<HTMLVideoElement>('video.recording');
    const hasPicture = video && video.videoWidth > 0 && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    setPlayed(hasPicture === true);
    if (hasPicture && canvas.current) {
      const [width, height] = [PICTURE_WIDTH, Math.round((PICTURE_WIDTH * video.videoHeight) / video.videoWidth)];
      Object.assign(canvas.current, { width, height });
      canvas.current.getContext('2d')?.drawImage(video, 0, 0, width, height);
      onSize(width, height);
    }
  }, []);
  return isPlayed ? (
    <canvas class="still" ref={canvas} />
  ) : (
    <img
      class="still"
      alt=""
      draggable={false}
      src={pictureAddress(name, ms, PICTURE_WIDTH)}
      onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => onSize(naturalWidth, naturalHeight)}
    />
  );
}

/** Times and box of a search. */
function queryOf(box: Shape, ms: number, period: PeriodName): string {
  const toMs = nextDay(dayStart(ms));
  const fromMs = period === 'day' ? dayStart(ms) : dayStart(toMs - 7 * DAY_MS + DAY_MS / 2);
  const { x, y, width, height } = boundsOf(box);
  const share = (value: number) => String(Math.round(value * 1000) / 1000);
  return new URLSearchParams({
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    x: share(x),
    y: share(y),
    width: share(width),
    height: share(height),
  }).toString();
}

interface MomentsProps {
  readonly name: string;
  readonly query: string;
  readonly onGo: (ms: number) => void;
}

function Moments({ name, query, onGo }: MomentsProps) {
  const t = motionWords.value;
  const address = `v3/motion/moments/${encodeName(name)}?${query}`;
  const [isReading, setReading] = useState(false);
  const { value: found, again } = usePolled<Found>(address, isReading ? 'fast' : 'slow', { onFailure: toastFailure });
  const last = useRef<Found>(undefined);
  // The list stays while the box is moved.
  last.current = found ?? last.current;
  const shown = last.current;
  const isRead = shown?.progress === null;
  useEffect(() => {
    if (found) {
      setReading(found.progress !== null);
    }
  }, [found]);
  const read = async () => {
    try {
      await fetchJson(address, { method: 'POST' });
      setReading(true);
      again();
    } catch (error) {
      toastFailure(error);
    }
  };
  const unreadS = (shown?.unreadSeconds ?? 0) - (shown?.unreadableSeconds ?? 0);
  if (!shown) {
    return <div class="skeleton block" />;
  }
  return (
    <>
      <p class="small" role="status">
        {shown.moments.length === 0 ? t.noMoments : (shown.isCut ? t.firstMoments : t.moments)(shown.moments.length)}
      </p>
      {!isRead && <Progress share={shown.progress ?? 0} />}
      {/* The newest seconds are always missing. */}
      {isRead && !isReading && unreadS >= 60 && <Unread seconds={unreadS} onRead={() => void read()} />}
      {shown.unreadableSeconds >= 120 && (
        <p class="hint">{t.cannotRead(longDuration(1000 * shown.unreadableSeconds, i18n().language))}</p>
      )}
      <ul class="moments">
        {shown.moments.toReversed().map((moment) => (
          <li key={moment.start}>
            <MomentButton name={name} moment={moment} onGo={onGo} />
          </li>
        ))}
      </ul>
    </>
  );
}

function MomentButton({
  name,
  moment,
  onGo,
}: Omit<MomentsProps, 'query'> & { readonly moment: Found['moments'][number] }) {
  const startMs = Date.parse(moment.start);
  return (
    <button type="button" onClick={() => onGo(startMs - LEAD_MS)}>
      <RecordedThumbnail name={name} ms={Date.parse(moment.peak)} />
      <span>
        <b class="digits">{momentSeconds(startMs, Date.now(), i18n())}</b>
        <span class="dim small">{duration(1000 * moment.duration, i18n())}</span>
      </span>
    </button>
  );
}

function Progress({ share }: { readonly share: number }) {
  const t = motionWords.value;
  return (
    <div class="field">
      <p class="hint">{t.reading(percent(share, i18n().language))}</p>
      <meter class="filled" value={share} max={1} style={{ '--share': `${share * 100}%` }} aria-label={t.find} />
    </div>
  );
}

/** Recordings in which motion was not looked for. */
function Unread({ seconds, onRead }: { readonly seconds: number; readonly onRead: () => void }) {
  const t = motionWords.value;
  return (
    <div class="field">
      <p class="hint">{t.unread(longDuration(1000 * seconds, i18n().language))}</p>
      <Button onClick={onRead}>{t.read}</Button>
    </div>
  );
}
