//! A value with a button that copies it.

import { Icon } from "./icon";
import { copyText } from "./notice";

/** The button alone; `what` names the value in the notice and for screen readers. */
export function CopyButton(props: { value: string; what: string }) {
  return (
    <button
      type="button"
      class="copy-button"
      aria-label={`Copy ${props.what}`}
      title={`Copy ${props.what}`}
      onClick={() => void copyText(props.value, `Copied ${props.what}`)}
    >
      <Icon name="copy" />
    </button>
  );
}
