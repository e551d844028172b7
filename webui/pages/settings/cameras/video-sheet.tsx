import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo } from 'preact/hooks';
import type { CameraSettings } from '../../../api-client/api-types.ts';
import type { PathItem } from '../../../api-client/paths.ts';
import { choiceProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { serverForm } from '../../../forms/server-form.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { bitRate, number } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { videoWords } from '../../../words/settings/video.ts';
import { words } from '../../../words/words.ts';
import type { SeenVideo } from './data/video-data.ts';
import {
  type ChangeState,
  changeOf,
  IR_CUT_MODES,
  type IrCutMode,
  imageOf,
  NO_VIDEO,
  saveVideo,
  stepsOf,
  type VideoSteps,
  type VideoValues,
  valuesOf,
} from './data/video-settings.ts';

interface VideoSheetProps {
  readonly title: string;
  readonly path: PathItem;
  /** `encoder`: of this stream. `image`: of the lens. */
  readonly part: 'encoder' | 'image';
  readonly video: SeenVideo;
  /** What saving does to the disk. */
  readonly effectText: (video: CameraSettings, values: VideoValues) => string;
  readonly onClosed: () => void;
  readonly onSaved: () => void;
}

/** Settings that the camera keeps itself: what it offers. */
export function VideoSheet({ title, path, part, video, effectText, onClosed, onSaved }: VideoSheetProps) {
  const t = camerasWords.value;
  const ownWords = videoWords.value;
  const [outcome, form] = useMemo(() => videoForm(path.name), []);
  const { value, isSilent } = video;
  // Before the first paint, so that known values appear at once.
  useLayoutEffect(() => {
    if (value) {
      form.follow(valuesOf(value));
    }
  }, [value]);
  const steps = value && stepsOf(value, form.values.value);
  const offersEncoder = steps && Object.values(steps).some((all) => all.length > 0);
  const isOffered = part === 'image' ? value && imageOf(value) !== undefined : offersEncoder;
  const text = part === 'image' || !value ? '' : effectText(value, form.values.value);
  return (
    <FormSheet
      title={title}
      form={form}
      text={isOffered ? text : undefined}
      busy={t.changing}
      isOff={!form.isDirty.value}
      onClosed={onClosed}
      onSaved={() => {
        const said = outcomeText(outcome.state);
        if (said) {
          toast(said);
        }
        onSaved();
      }}
    >
      {value === undefined && (isSilent ? <p role="status">{t.notReached}</p> : <div class="skeleton block" />)}
      {value === null && <p>{t.cannotAsk}</p>}
      {value && !isOffered && <p>{ownWords.nothingOffered}</p>}
      {isOffered && part === 'encoder' && steps && <Encoder form={form} steps={steps} />}
      {value && isOffered && part === 'image' && <Image form={form} video={value} />}
    </FormSheet>
  );
}

function videoForm(name: string) {
  const outcome: { state: ChangeState } = { state: 'done' };
  const form = serverForm<VideoValues>({
    initial: valuesOf(NO_VIDEO),
    save: async (values, changed) => {
      if (Object.keys(changed).length > 0) {
        outcome.state = await saveVideo(name, changeOf(changed, values));
      }
    },
  });
  return [outcome, form] as const;
}

type VideoForm = ReturnType<typeof serverForm<VideoValues>>;

const CODEC_NAMES: Readonly<Record<string, string>> = { H264: 'H.264', H265: 'H.265' };

function Encoder({ form, steps }: { readonly form: VideoForm; readonly steps: VideoSteps }) {
  const { language } = i18n();
  const t = camerasWords.value;
  const ownWords = videoWords.value;
  const { codec, size } = form.values.value;
  const stepper = (
    field: 'fps' | 'bitrateKbps' | 'keySeconds',
    label: string,
    all: readonly number[],
    format: (value: number) => string,
  ): ComponentChildren =>
    all.length > 0 && <Stepper label={label} steps={all} format={format} {...choiceProps(form, field)} />;
  return (
    <>
      {steps.sizes.length > 0 && (
        <Stepper
          label={ownWords.size}
          value={steps.sizes.indexOf(size)}
          steps={steps.sizes.map((_, i) => i)}
          format={(i) => (steps.sizes[i] ?? size).replace('x', ' × ')}
          onChange={(i) => form.set('size', steps.sizes[i] ?? size)}
        />
      )}
      {steps.codecs.length > 0 && (
        <SegmentedControl
          label={ownWords.codec}
          options={steps.codecs.map((value) => ({ value, text: CODEC_NAMES[value] ?? value }))}
          {...choiceProps(form, 'codec')}
        />
      )}
      {codec === 'H265' && steps.codecs.length > 0 && <p class="hint">{t.h265}</p>}
      {stepper('bitrateKbps', ownWords.bitRate, steps.bitratesKbps, (kbps) => bitRate(kbps * 1000, language))}
      {stepper('fps', ownWords.frameRate, steps.fps, (rate) => t.rate(number(rate, 1, language)))}
      {stepper('keySeconds', ownWords.keyFrame, steps.keySeconds, (seconds) =>
        ownWords.every(number(seconds, 1, language)),
      )}
      <p class="dim small">{ownWords.returns}</p>
    </>
  );
}

export function nightText(mode: IrCutMode): string {
  const ownWords = videoWords.value;
  return { AUTO: ownWords.nightAuto, OFF: ownWords.nightOn, ON: ownWords.nightOff }[mode];
}

function Image({ form, video }: { readonly form: VideoForm; readonly video: CameraSettings }) {
  const ownWords = videoWords.value;
  const { text, showsTime } = form.values.value;
  return (
    <>
      {video.irCutFilter && (
        <SegmentedControl
          label={ownWords.night}
          options={IR_CUT_MODES.filter((mode) => video.irCutFilter?.modes.includes(mode)).map((value) => ({
            value,
            text: nightText(value),
          }))}
          {...choiceProps(form, 'irCutFilter')}
        />
      )}
      {video.text !== null && (
        <TextField
          label={ownWords.overlayText}
          name="overlay"
          autocomplete="off"
          value={text}
          onInput={(value) => form.set('text', value.slice(0, 100))}
          isLocked={form.saving.value !== 'no'}
        />
      )}
      {video.showsTime !== null && (
        <Switch title={ownWords.overlayTime} isOn={showsTime} onChange={(isOn) => form.set('showsTime', isOn)} />
      )}
    </>
  );
}

/** Toast for the outcome of a change, or undefined if the card of the change shows it. */
function outcomeText(state: ChangeState): string | undefined {
  const ownWords = videoWords.peek();
  const said: Partial<Record<ChangeState, string>> = {
    ignored: ownWords.ignored,
    unchecked: ownWords.unchecked,
    done: words.peek().saved,
  };
  return said[state];
}
