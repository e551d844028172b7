import { systemWords } from '../../../words/system.ts';

interface RestoreWaitsProps {
  /** The box has not come back, for much longer than it usually takes. */
  readonly isGone: boolean;
  /** Where it is then, if that is another address. */
  readonly moved: string | undefined;
}

/** The box starts as what it was; the page comes with it, unless it is elsewhere then. */
export function RestoreWaits({ isGone, moved }: RestoreWaitsProps) {
  const say = systemWords.value;
  return (
    <div role="status">
      <p>{isGone ? say.restoreGone : say.restoreStarts}</p>
      {moved !== undefined && (
        <p>
          {say.restoreMoved} <a href={moved}>{moved}</a>
        </p>
      )}
      {isGone && moved === undefined && <p>{say.restoreGoneText}</p>}
    </div>
  );
}
