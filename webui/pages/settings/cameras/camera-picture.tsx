import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { CameraSettings } from '../../../api-client/api-types.ts';
import { cameraCall } from '../../../api-client/camera-addresses.ts';
import type { PathItem } from '../../../api-client/paths.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { type Camera, pictureSize, videoCodec } from '../../../cameras/camera.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { bitRate, longDuration, number } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { maskWords } from '../../../words/settings/masks.ts';
import { videoWords } from '../../../words/settings/video.ts';
import { words } from '../../../words/words.ts';
import { Restart } from './camera-connection.tsx';
import { SetClockButton } from './camera-trouble.tsx';
import type { CameraFacts } from './data/camera-data.ts';
import { bytesOf, NO_LIMIT, type PathConfig } from './data/camera-settings.ts';
import { effectText } from './data/effect-text.ts';
import type { CameraMasks } from './data/mask-data.ts';
import { isUnderWay, type SeenChange, type SeenVideo, useCameraVideo, useLastChange } from './data/video-data.ts';
import { imageOf } from './data/video-settings.ts';
import { MasksSheet } from './masks-sheet.tsx';
import { nightText, VideoSheet } from './video-sheet.tsx';

/** The box restores the former settings after a minute. */
const CHECKING_S = 60;

/** State of a change of the encoder. */
function ChangeCard({ change }: { readonly change: SeenChange }) {
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

const CLOCK_OFF_MS = 60_000;
const HALF_MINUTE_MS = 30_000;

interface Coding {
  readonly groupFrames: number | null;
  readonly fps: number | null;
  readonly bitrateKbps: number | null;
}

/** Encoding of a stream, with advice, of `/v3/cameras/encoder`. */
interface Advice {
  readonly now: Coding;
  readonly better: Coding | null;
}

interface PictureSheetProps {
  readonly camera: Camera;
  readonly config: PathConfig;
  readonly facts: CameraFacts;
  readonly onClosed: () => void;
}

type Edited = 'main' | 'sub' | 'image';

/** Size and encoding of both streams, with advice; from here the camera's own settings are changed. */
export function PictureSheet({ camera, config, facts, onClosed }: PictureSheetProps) {
  const { item, again } = facts;
  const [edited, setEdited] = useState<Edited>();
  const t = camerasWords.value;
  const hasOnvif = item?.onvif != null;
  const nameOf = (path: PathItem | undefined) =>
    hasOnvif && path && !path.paused && !path.privacy ? path.name : undefined;
  const asked = (call: string, path: PathItem | undefined) => {
    const name = nameOf(path);
    return name === undefined ? undefined : cameraCall(call, name);
  };
  const large = usePolled<Advice>(asked('encoder', camera.main), 'slow');
  const small = usePolled<Advice>(asked('encoder', camera.sub), 'slow');
  const clock = usePolled<{ readonly skewMs: number }>(asked('clock', camera.main), 'slow');
  const looked = () => {
    large.again();
    small.again();
    again();
  };
  const masks = useMaskSheet(camera, nameOf(camera.main));
  const main = useEditable(nameOf(camera.main), looked);
  // A camera answers one question after the other, so the small stream's settings wait until they are wanted.
  const sub = useEditable(nameOf(camera.sub), looked, edited === 'sub');
  const shown = edited === 'sub' ? sub : main;
  const path = edited === 'sub' ? camera.sub : camera.main;
  const editOf = (which: Edited, { change }: Editable) =>
    item && nameOf(camera.main) !== undefined && !isUnderWay(change) ? () => setEdited(which) : undefined;
  const maxBytes = edited === 'sub' ? NO_LIMIT : bytesOf(config.recordMaxSize ?? '');
  const titles = { main: t.large, sub: t.small, image: imageTitle(main.video.value) };
  const kinds = new Set((item?.description?.suggestions ?? []).map(({ kind }) => kind));
  return (
    <>
      <Sheet title={t.picture} onClosed={onClosed}>
        <div class="changes" role="status">
          {main.change && <ChangeCard change={main.change} />}
          {sub.change && <ChangeCard change={sub.change} />}
        </div>
        <div class="card">
          <Size title={t.large} path={camera.main} advice={large.value} onEdit={editOf('main', main)} />
          {camera.sub && <Size title={t.small} path={camera.sub} advice={small.value} onEdit={editOf('sub', sub)} />}
          <ImageRow title={titles.image} video={main.video.value} onEdit={editOf('image', main)} />
          {masks.row}
        </div>
        <Slow key="large" path={camera.main} advice={large.value} onChanged={looked} />
        <Slow key="small" path={camera.sub} advice={small.value} onChanged={looked} />
        <Clock key="clock" path={camera.name} skewMs={clock.value?.skewMs} onChanged={clock.again} />
        {kinds.has('smartCodec') && (
          <MessageCard icon="info" tone="warn" title={t.smartCoding} text={t.smartCodingText} />
        )}
        {kinds.has('reordering') && <MessageCard icon="info" tone="warn" title={t.reordered} text={t.reorderedText} />}
        {videoCodec(camera.main) === 'H.265' && (
          <MessageCard
            icon="info"
            tone="calm"
            title={t.h265}
            text={canSetH264(main.video.value) ? t.h265Here : t.h265Text}
          />
        )}
        {hasOnvif ? <Restart path={camera.name} title={camera.title} /> : <p class="dim small">{t.cannotAsk}</p>}
      </Sheet>
      {edited && path && (
        <VideoSheet
          title={titles[edited]}
          path={path}
          part={edited === 'image' ? 'image' : 'encoder'}
          video={shown.video}
          effectText={(video, values) => effectText({ path, use: facts.use, maxBytes }, video, values)}
          onClosed={() => setEdited(undefined)}
          onSaved={shown.onSaved}
        />
      )}
      {masks.sheet}
    </>
  );
}

/** A row for the camera's privacy masks, and their sheet once it is opened. @param name undefined if it cannot be asked */
function useMaskSheet(camera: Camera, name: string | undefined) {
  const address = name === undefined ? undefined : cameraCall('masks', name);
  const { value, again } = usePolled<CameraMasks>(address, 'slow');
  const [isOpen, setOpen] = useState(false);
  const { title, off, count } = maskWords.value;
  const { length } = value?.masks ?? [];
  return {
    row: value && value.maxMasks > 0 && (
      <Row title={title} text={length === 0 ? off : count(length)} onClick={() => setOpen(true)} />
    ),
    sheet: isOpen && value && (
      <MasksSheet camera={camera} value={value} onClosed={() => setOpen(false)} onChanged={again} />
    ),
  };
}

interface Editable {
  readonly video: SeenVideo;
  readonly change: SeenChange | undefined;
  readonly onSaved: () => void;
}

/** What a stream's camera offers, and how the last change went. @param name undefined if it cannot be asked */
function useEditable(name: string | undefined, looked: () => void, isWanted = true): Editable {
  const video = useCameraVideo(isWanted ? name : undefined);
  const readAgain = () => {
    video.again();
    looked();
  };
  const { change, again } = useLastChange(name, readAgain);
  const onSaved = () => {
    again();
    readAgain();
  };
  return { video, change, onSaved };
}

const canSetH264 = (video: CameraSettings | null | undefined): boolean =>
  video?.choices.some(({ codec }) => codec === 'H264') ?? false;

function imageTitle(video: CameraSettings | null | undefined): string {
  const ownWords = videoWords.value;
  if (!video?.irCutFilter) {
    return ownWords.overlayText;
  }
  return video.text === null && video.showsTime === null ? ownWords.night : ownWords.nightAndText;
}

interface ImageRowProps {
  readonly title: string;
  readonly video: CameraSettings | null | undefined;
  readonly onEdit: (() => void) | undefined;
}

/** Row for the settings of the lens, which apply to all its streams. */
function ImageRow({ title, video, onEdit }: ImageRowProps) {
  const ownWords = videoWords.value;
  const image = video && imageOf(video);
  if (!image || !onEdit) {
    return null;
  }
  const { irCutFilter, text, showsTime } = image;
  const parts = [irCutFilter && nightText(irCutFilter.now), text, showsTime && ownWords.overlayTime];
  return <Row title={title} text={parts.filter(Boolean).join(' · ') || camerasWords.value.off} onClick={onEdit} />;
}

function Size({
  title,
  path,
  advice,
  onEdit,
}: {
  title: string;
  path: PathItem;
  advice: Advice | undefined;
  onEdit: (() => void) | undefined;
}): ComponentChildren {
  const { language } = i18n();
  const fps = advice?.now.fps;
  const parts = [
    pictureSize(path),
    videoCodec(path),
    fps && camerasWords.value.rate(number(fps, 1, language)),
    path.ready && bitRate(path.bitrate, language),
  ];
  return <Row title={title} text={parts.filter(Boolean).join(' · ')} {...(onEdit && { onClick: onEdit })} />;
}

interface SlowProps {
  readonly path: PathItem | undefined;
  readonly advice: Advice | undefined;
  readonly onChanged: () => void;
}

/** Advice about a long key frame interval, which the camera can shorten. */
function Slow({ path, advice, onChanged }: SlowProps) {
  const { language } = i18n();
  const t = camerasWords.value;
  const [isBusy, setBusy] = useState(false);
  const { now, better } = advice ?? {};
  if (!path || !better?.groupFrames || !now?.groupFrames || !now.fps || better.groupFrames >= now.groupFrames) {
    return null;
  }
  const change = async () => {
    setBusy(true);
    try {
      const body = { groupFrames: better.groupFrames };
      const { isDone } = await fetchJson<{ isDone: boolean }>(cameraCall('encoder', path.name), {
        method: 'POST',
        body,
        limitMs: 60_000,
      });
      toast(isDone ? words.peek().saved : camerasWords.peek().notDone);
    } catch {
      toast(camerasWords.peek().notDone);
    }
    setBusy(false);
    onChanged();
  };
  const seconds = number(now.groupFrames / now.fps, 0, language);
  return (
    <MessageCard icon="clock" tone="warn" title={t.slowStart(seconds)} text={t.slowStartText}>
      <Button busy={isBusy && t.changing} onClick={() => void change()}>
        {t.changeIt}
      </Button>
    </MessageCard>
  );
}

interface ClockProps {
  readonly path: string;
  readonly skewMs: number | undefined;
  readonly onChanged: () => void;
}

function Clock({ path, skewMs = 0, onChanged }: ClockProps) {
  const t = camerasWords.value;
  const off = longDuration(Math.abs(skewMs) + HALF_MINUTE_MS, i18n().language);
  return Math.abs(skewMs) < CLOCK_OFF_MS ? null : (
    <MessageCard icon="clock" tone="warn" title={t.clockOff(off)} text={t.clockOffText}>
      <SetClockButton path={path} onDone={onChanged} />
    </MessageCard>
  );
}
