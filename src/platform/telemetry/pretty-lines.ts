const SHOWN: Readonly<Record<string, string>> = {
  info: 'info ',
  warn: '\u001b[33mwarn \u001b[0m',
  error: '\u001b[31merror\u001b[0m',
  fatal: '\u001b[31mfatal\u001b[0m',
};

/** Where lines go: a stream, as far as it matters here. */
interface Sink {
  write(text: string): unknown;
}

/** Turns the logger's JSON lines into `time level name message key=value …` for a terminal. */
export function prettyLines(sink: Sink): Sink {
  return { write: (line) => sink.write(prettyLine(line)) };
}

export function prettyLine(line: string): string {
  const { time, level, name, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const head = `${text(time).slice(11, 23)} ${SHOWN[text(level)] ?? text(level)} ${text(name)}`;
  const message = msg === undefined ? '' : ` ${text(msg)}`;
  const tail = Object.entries(fields).map(([key, value]) => ` ${key}=${text(value)}`);
  return `${head}${message}${tail.join('')}${errorText(err)}\n`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message } = err as { stack?: string; message?: string };
  return `\n${stack ?? message ?? ''}`;
}
