import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { PathItem } from '../../../api-client/paths.ts';
import { ask } from '../../../api-client/request.ts';
import { useAsked } from '../../../api-client/use-polled.ts';
import { type Camera, pictureSize, videoCodec } from '../../../cameras/camera.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { bitRate, duration, number } from '../../../words/format.ts';
import { words } from '../../../words/words.ts';
import { type CameraFacts, cameraCall } from './camera-data.ts';
import { DoButton } from './camera-trouble.tsx';

const LOOK_MS = 30_000;
const CLOCK_OFF_MS = 60_000;

interface Coding {
  readonly groupFrames: number | null;
  readonly fps: number | null;
  readonly bitrateKbps: number | null;
}

/** How a stream is coded, and what would be better, as `/v3/cameras/encoder` has it. */
interface Advice {
  readonly now: Coding;
  readonly better: Coding | null;
}

interface PictureSheetProps {
  readonly camera: Camera;
  readonly facts: CameraFacts;
  readonly onClosed: () => void;
}

/** Sizes and coding of both pictures, and what would make them better. */
export function PictureSheet({ camera, facts: { item, again }, onClosed }: PictureSheetProps) {
  const say = camerasWords.value;
  const hasOnvif = item?.onvif != null;
  const asked = (call: string, path: PathItem | undefined) =>
    hasOnvif && path && !path.paused ? cameraCall(call, path.name) : undefined;
  const large = useAsked<Advice>(asked('encoder', camera.main), { everyMs: LOOK_MS });
  const small = useAsked<Advice>(asked('encoder', camera.sub), { everyMs: LOOK_MS });
  const clock = useAsked<{ readonly skewMs: number }>(asked('clock', camera.main), { everyMs: LOOK_MS });
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
      <Say key="smart" icon="info" tone="warn" title={say.smartCoding} text={say.smartCodingText} />
    ),
    kinds.has('reordering') && (
      <Say key="order" icon="info" tone="warn" title={say.reordered} text={say.reorderedText} />
    ),
    videoCodec(camera.main) === 'H.265' && (
      <Say key="h265" icon="info" tone="calm" title={say.h265} text={say.h265Text} />
    ),
  ];
  return (
    <Sheet title={say.picture} onClosed={onClosed}>
      <div class="card plain">
        <Size title={say.large} path={camera.main} advice={large.value} />
        {camera.sub && <Size title={say.small} path={camera.sub} advice={small.value} />}
      </div>
      {advice}
      {!hasOnvif && <p class="dim small">{say.cannotAsk}</p>}
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
  const { language } = voice();
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

/** Whole pictures come too seldom; the camera can be told to send them more often. */
function Slow({ path, advice, onChanged }: SlowProps) {
  const { language } = voice();
  const say = camerasWords.value;
  const [isBusy, setBusy] = useState(false);
  const { now, better } = advice ?? {};
  if (!path || !better?.groupFrames || !now?.groupFrames || !now.fps || better.groupFrames >= now.groupFrames) {
    return null;
  }
  const change = async () => {
    setBusy(true);
    try {
      const body = { groupFrames: better.groupFrames };
      const { isDone } = await ask<{ isDone: boolean }>(cameraCall('encoder', path.name), {
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
    <Say icon="clock" tone="warn" title={say.slowStart(seconds)} text={say.slowStartText}>
      <Button busy={isBusy && words.value.saving} onClick={() => void change()}>
        {say.changeIt}
      </Button>
    </Say>
  );
}

interface ClockProps {
  readonly path: string;
  readonly skewMs: number | undefined;
  readonly onChanged: () => void;
}

function Clock({ path, skewMs = 0, onChanged }: ClockProps) {
  const say = camerasWords.value;
  const off = duration(Math.abs(skewMs), voice());
  return Math.abs(skewMs) < CLOCK_OFF_MS ? null : (
    <Say icon="clock" tone="warn" title={say.clockOff(off)} text={say.clockOffText}>
      <DoButton text={say.setClock} call={cameraCall('clock', path)} body={{}} done={say.clockSet} onDone={onChanged} />
    </Say>
  );
}
