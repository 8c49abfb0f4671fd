import type { Config } from './config.js';

/**
 * How the supervisor gives a child its configuration: one IPC message. Nothing secret stands on a command line or in an
 * environment, where the system shows it to others; a child never sees a key in clear.
 */
export interface ConfigMessage {
  readonly type: 'mc:config';
  readonly config: Omit<Config, 'secretKeys'> & {
    readonly secretKeys: readonly { readonly id: string; readonly value: string }[];
  };
}

/** Tells a child that its configuration comes by IPC. Not a setting: only the supervisor sets it. */
export const handOverVariable = 'MC_CONFIG_BY_IPC';

/** What a child says when it listens for its configuration: nothing is sent into the void. */
export const configRequest = { type: 'mc:config-please' } as const;

const boundMs = 30_000;

export function configMessage(config: Config): ConfigMessage {
  const secretKeys = config.secretKeys.map(({ id, value }) => ({ id, value: value.toString('base64') }));
  return { type: 'mc:config', config: { ...config, secretKeys } };
}

function configOf({ config }: ConfigMessage): Config {
  const secretKeys = config.secretKeys.map(({ id, value }) => ({ id, value: Buffer.from(value, 'base64') }));
  return { ...config, secretKeys };
}

/** In a child of the supervisor: asks for the message. Rejects when the supervisor is gone. */
export function receiveConfig(): Promise<Config> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      process.off('message', onMessage);
      process.off('disconnect', onDisconnect);
      act();
    };
    const onMessage = (message: unknown) => {
      if (isConfigMessage(message)) settle(() => resolve(configOf(message)));
    };
    const onDisconnect = () => settle(() => reject(new Error('the supervisor went away before it sent the settings')));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`the supervisor sent no settings within ${boundMs / 1000} s`))),
      boundMs,
    );
    process.on('message', onMessage);
    process.on('disconnect', onDisconnect);
    process.send?.(configRequest);
  });
}

function isConfigMessage(message: unknown): message is ConfigMessage {
  return typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'mc:config';
}
