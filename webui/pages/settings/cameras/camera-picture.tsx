import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { PathItem } from '../../../api-client/paths.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { type Camera, pictureSize, videoCodec } from '../../../cameras/camera.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { bitRate, duration, number } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { words } from '../../../words/words.ts';
import { type CameraFacts, cameraCall } from './camera-data.ts';
import { SetClockButton } from './camera-trouble.tsx';

const LOOK_MS = 30_000;
const CLOCK_OFF_MS = 60_000;

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
  readonly facts: CameraFacts;
  readonly onClosed: () => void;
}

/** Size and encoding of both streams, with advice. */
export function PictureSheet({ camera, facts: { item, again }, onClosed }: PictureSheetProps) {
  const t = camerasWords.value;
  const hasOnvif = item?.onvif != null;
  const asked = (call: string, path: PathItem | undefined) =>
    hasOnvif && path && !path.paused ? cameraCall(call, path.name) : undefined;
  const large = usePolled<Advice>(asked('encoder', camera.main), { everyMs: LOOK_MS });
  const small = usePolled<Advice>(asked('encoder', camera.sub), { everyMs: LOOK_MS });
  const clock = usePolled<{ readonly skewMs: number }>(asked('clock', camera.main), { everyMs: LOOK_MS });
  const looked = () => {
    large.again();
    small.again();
    again();
  };
  const kinds = new Set((item?.description?.suggestions ?? []).map(({ kind }) => kind));
  const advice = [
    <Slow key="large" path={camera.main} advice={large.value} onChanged={looked} />,
    <Slow key="small" path={camera.sub} advice={small.value} onChanged={looked} />,
    <Clock key="clock" path={camera.name} skewMs={clock.value?.skewMs} onChanged={clock.again} />,
    kinds.has('smartCodec') && (
      <MessageCard key="smart" icon="info" tone="warn" title={t.smartCoding} text={t.smartCodingText} />
    ),
    kinds.has('reordering') && (
      <MessageCard key="order" icon="info" tone="warn" title={t.reordered} text={t.reorderedText} />
    ),
    videoCodec(camera.main) === 'H.265' && (
      <MessageCard key="h265" icon="info" tone="calm" title={t.h265} text={t.h265Text} />
    ),
  ];
  return (
    <Sheet title={t.picture} onClosed={onClosed}>
      <div class="card plain">
        <Size title={t.large} path={camera.main} advice={large.value} />
        {camera.sub && <Size title={t.small} path={camera.sub} advice={small.value} />}
      </div>
      {advice}
      {!hasOnvif && <p class="dim small">{t.cannotAsk}</p>}
    </Sheet>
  );
}

function Size({
  title,
  path,
  advice,
}: {
  title: string;
  path: PathItem;
  advice: Advice | undefined;
}): ComponentChildren {
  const { language } = i18n();
  const fps = advice?.now.fps;
  const parts = [
    pictureSize(path),
    videoCodec(path),
    fps && camerasWords.value.rate(number(fps, 1, language)),
    path.ready && bitRate(path.bitrate, language),
  ];
  return <Row title={title} text={parts.filter(Boolean).join(' · ')} />;
}

interface SlowProps {
  readonly path: PathItem | undefined;
  readonly advice: Advice | undefined;
  readonly onChanged: () => void;
}

/** Long key frame interval, which the camera can shorten. */
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
        ...{ method: 'POST', body, limitMs: 60_000 },
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
  const off = duration(Math.abs(skewMs), i18n());
  return Math.abs(skewMs) < CLOCK_OFF_MS ? null : (
    <MessageCard icon="clock" tone="warn" title={t.clockOff(off)} text={t.clockOffText}>
      <SetClockButton path={path} onDone={onChanged} />
    </MessageCard>
  );
}
