import type { Means } from './means.ts';
import { Options } from './options.tsx';
import { ruleCameras } from './rule-cameras.ts';
import { type Action, type ActionKind, USUAL_SECONDS } from './rules-data.ts';
import type { SentenceContext } from './sentence.ts';

interface ActionChoiceProps {
  readonly means: Means;
  readonly context: SentenceContext;
  /** @param word of the action that has to be filled in */
  readonly onChoose: (action: Action, word: string | undefined) => void;
  readonly onClose: () => void;
}

/** The kinds of actions that the cameras at hand can do, and why others are missing. */
export function ActionChoice({ means, context: { t }, onChoose, onClose }: ActionChoiceProps) {
  const cameras = ruleCameras();
  const turned = cameras.find(({ name }) => means.byPath.get(name)?.presets.length);
  const switched = cameras.find(({ name }) => means.byPath.get(name)?.outputs.length);
  const recorded = cameras[1] ?? cameras[0];
  const texts: Readonly<Record<ActionKind, string | false>> = {
    preset: turned !== undefined && t.turnCamera,
    output: switched !== undefined && t.switchOn,
    record: recorded !== undefined && t.recordCamera,
    url: t.callAddress,
    run: t.runCommand,
  };
  const options = (Object.keys(texts) as ActionKind[]).flatMap((value) => {
    const text = texts[value];
    return text === false ? [] : [{ value, text }];
  });
  const choose = (kind: ActionKind) => {
    const seconds = USUAL_SECONDS;
    const first = (camera: typeof turned) => means.byPath.get(camera?.name ?? '');
    switch (kind) {
      case 'preset':
        return onChoose({ preset: first(turned)?.presets[0] ?? '', path: turned?.name ?? '', seconds }, undefined);
      case 'output':
        return onChoose(
          { output: first(switched)?.outputs[0]?.id ?? '', path: switched?.name ?? '', seconds },
          undefined,
        );
      case 'record':
        return onChoose({ record: true, path: recorded?.name ?? '', seconds }, undefined);
      case 'url':
        return onChoose({ url: '' }, 'url');
      default:
        return onChoose({ run: '' }, 'command');
    }
  };
  const reasons = means.isComplete
    ? [!turned && t.noTurning, !switched && t.noOutputs].filter((one) => one !== false)
    : [t.asking];
  return (
    <Options label={t.addAction} options={options} onChoose={(kind) => choose(kind as ActionKind)} onClose={onClose}>
      {reasons.map((reason) => (
        <p class="dim small" key={reason}>
          {reason}
        </p>
      ))}
    </Options>
  );
}
