import { toast } from '../feedback/toast.tsx';
import { copyToClipboard } from './clipboard.ts';

interface CopyRowProps {
  readonly label?: string;
  readonly text: string;
  readonly hint?: string;
  readonly action: string;
  /** Toast afterwards. */
  readonly done: string;
}

/** A text that is shown whole and copied by a tap. */
export function CopyRow({ label, text, hint, action, done }: CopyRowProps) {
  const copy = async () => {
    if (await copyToClipboard(text)) {
      toast(done);
    }
  };
  return (
    <button class="row" type="button" onClick={() => void copy()}>
      <span class="grow small break">
        {label && <span class="dim">{label}</span>}
        <bdi>{text}</bdi>
        {hint && <span class="dim">{hint}</span>}
      </span>
      <span class="value">{action}</span>
    </button>
  );
}
