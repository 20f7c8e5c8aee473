export interface Mock {
  site: { asked: { method: string; path: string; body: unknown }[] };
  listen(port?: number): Promise<number>;
  close(): Promise<void>;
  change(name: string, variables: Record<string, string>, more?: Record<string, unknown>): void;
  happen(event: Record<string, unknown>): void;
  stall(is: boolean): void;
}
export function mock(options?: { count?: number }): Mock;
