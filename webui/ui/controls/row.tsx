import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from '../icons/icon.tsx';

interface RowProps {
  readonly title: string;
  readonly text?: string | undefined;
  /** Style of the second line. */
  readonly tone?: 'bad' | 'warn';
  readonly icon?: IconName;
  /** A thumbnail instead of an icon. */
  readonly before?: ComponentChildren;
  readonly value?: string;
  /** Red, because it removes or ends something. */
  readonly danger?: boolean;
  /** With a chevron. */
  readonly href?: string;
  readonly onClick?: () => void;
}

/** Title, second line, and a value or chevron. */
export function Row(props: RowProps) {
  const { href, onClick, danger } = props;
  if (href !== undefined) {
    return (
      <a class="row" href={href}>
        <Inside {...props} leads />
      </a>
    );
  }
  return onClick ? (
    <button class={danger ? 'row danger' : 'row'} type="button" onClick={onClick}>
      <Inside {...props} leads />
    </button>
  ) : (
    <div class="row">
      <Inside {...props} />
    </div>
  );
}

function Inside({ title, text, tone, icon, before, value, leads }: RowProps & { readonly leads?: boolean }) {
  return (
    <>
      {before}
      {icon && <Icon name={icon} />}
      <span class="grow">
        <b>
          <bdi>{title}</bdi>
        </b>
        {text !== undefined && <span class={`small ${tone ?? 'dim'}`}>{text}</span>}
      </span>
      {value !== undefined && <span class="value digits">{value}</span>}
      {leads && <Icon name="go" />}
    </>
  );
}
