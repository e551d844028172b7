interface SwitchProps {
  readonly title: string;
  readonly text?: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
  readonly isLocked?: boolean;
}

/** A switch in a row; a tap anywhere on the row toggles it. */
export function Switch({ title, text, isOn, onChange, isLocked = false }: SwitchProps) {
  return (
    <button
      class="row switch"
      type="button"
      role="switch"
      aria-checked={isOn}
      disabled={isLocked}
      onClick={() => onChange(!isOn)}
    >
      <span class="grow">
        <b>{title}</b>
        {text !== undefined && <span class="small dim">{text}</span>}
      </span>
      <i class="slot" />
    </button>
  );
}
