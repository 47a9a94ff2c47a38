export function replicaSet(port: number, seconds?: number): Promise<string>;
