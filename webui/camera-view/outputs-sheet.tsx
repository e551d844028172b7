import { useRef, useState } from 'preact/hooks';
import type { CameraOutput } from '../api-client/api-types.ts';
import { usePolled } from '../api-client/use-polled.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { failureText, type OutputList, outputsAddress, stateOf, switchOutput } from './ptz-api.ts';

interface OutputsSheetProps {
  readonly camera: string;
  readonly outputs: readonly CameraOutput[];
  readonly onSwitched: (id: string, isOn: boolean) => void;
  readonly onClosed: () => void;
}

/** Switches of the camera's relays, lights, sirens and wipers: two taps away, because one opens a gate. */
export function OutputsSheet({ camera, outputs, onSwitched, onClosed }: OutputsSheetProps) {
  const { value, again } = usePolled<OutputList>(outputsAddress(camera), 'fast');
  const reported = useRef(new Set<string>());
  const switched = (id: string, isOn: boolean) => {
    onSwitched(id, isOn);
    again();
  };
  return (
    <Sheet title={cameraViewWords.value.outputs} onClosed={onClosed}>
      {outputs.map((output) => (
        <OutputRow
          key={output.id}
          camera={camera}
          output={{ ...output, isOn: stateOf(output, value?.items, reported.current) }}
          onSwitched={switched}
        />
      ))}
    </Sheet>
  );
}

interface OutputRowProps extends Pick<OutputsSheetProps, 'camera' | 'onSwitched'> {
  readonly output: CameraOutput;
}

function OutputRow({ camera, output, onSwitched }: OutputRowProps) {
  const { id, isOn, isMomentary, relay } = output;
  const t = cameraViewWords.value;
  const [isBusy, setBusy] = useState(false);
  const name = nameOf(output);
  const press = async (wanted: boolean) => {
    setBusy(true);
    try {
      await switchOutput(camera, id, wanted);
      onSwitched(id, wanted);
      const { switchedOn, switchedOff } = cameraViewWords.peek();
      toast((wanted ? switchedOn : switchedOff)(name));
    } catch (error) {
      toast(failureText(cameraViewWords.peek().notSwitched, error));
    }
    setBusy(false);
  };
  const button = (wanted: boolean, text: string) => (
    <button
      class="chip tap"
      type="button"
      aria-label={`${name}: ${text}`}
      aria-pressed={isMomentary && isOn === null ? undefined : isOn === wanted}
      aria-disabled={isBusy}
      onClick={() => !isBusy && void press(wanted)}
    >
      {text}
    </button>
  );
  return (
    <div class="row">
      <span class="grow">
        <b>
          <bdi>{name}</bdi>
        </b>
        {isMomentary && (
          <span class="small dim">{relay?.seconds == null ? t.goesOff : t.goesOffAfter(relay.seconds)}</span>
        )}
      </span>
      {button(true, t.switchOn)}
      {!isMomentary && button(false, t.switchOff)}
    </div>
  );
}

/** Names that the box gives, in the language of the page; others are the camera's own words. */
function nameOf({ kind, name }: CameraOutput): string {
  const t = cameraViewWords.value;
  const known: Readonly<Record<string, string>> = {
    'Infrared lamp': t.infraredLamp,
    'White light': t.whiteLight,
    Siren: t.siren,
    Wiper: t.wiper,
  };
  return kind === 'relay' ? name.replace('Relay', t.relay) : (known[name] ?? name);
}
