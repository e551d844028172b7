import { Icon, type IconName } from '../icons/icon.tsx';

interface ChipsProps<T extends string> {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly text: string; readonly icon?: IconName | undefined }[];
  readonly chosen: readonly T[];
  readonly onTap: (value: T) => void;
}

/** Toggle buttons. */
export function Chips<T extends string>({ label, options, chosen, onTap }: ChipsProps<T>) {
  return (
    <fieldset class="chips">
      <legend class="visually-hidden">{label}</legend>
      {options.map(({ value, text, icon }) => (
        <button
          key={value}
          class="chip tap"
          type="button"
          aria-pressed={chosen.includes(value)}
          onClick={() => onTap(value)}
        >
          {icon && <Icon name={icon} small />}
          <bdi>{text}</bdi>
        </button>
      ))}
    </fieldset>
  );
}
