import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const binary = resolve(process.env["TRIPORT_CONSOLE_BIN"] ?? "../../bin/triport-console");

export interface User {
  readonly id: string;
  readonly code: string;
}

export interface Session {
  readonly nl_session: string;
  readonly nl_csrf: string;
}

/** A running server of the real program, with its own database. */
export class Binary {
  static async start(settings: Record<string, string> = {}): Promise<Binary> {
    const directory = await mkdtemp(join(tmpdir(), "triport-"));
    const environment = { TRIPORT_LOG_LEVEL: "error", ...settings, HOME: directory, TRIPORT_DATABASE: join(directory, "triport.db") };
    const server = spawn(binary, ["serve", "--listen", "127.0.0.1:0"], {
      cwd: directory,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface(server.stdout)) {
      const baseUrl = line.replace("listening on ", "");
      return new Binary(baseUrl, directory, environment, server);
    }
    throw new Error(`${binary} did not start`);
  }

  private constructor(
    readonly baseUrl: string,
    private readonly directory: string,
    private readonly environment: Record<string, string>,
    private readonly server: ChildProcess,
  ) {}

  async stop(): Promise<void> {
    const exited = once(this.server, "exit");
    this.server.kill();
    await exited;
    await rm(this.directory, { recursive: true });
  }

  async user(name: string): Promise<User> {
    return (await this.run("user", "create", "--email", `${name}@example.com`)) as User;
  }

  async session(user: User): Promise<Session> {
    return (await this.run("session", "create", user.id)) as Session;
  }

  async run(...command: string[]): Promise<unknown> {
    const options = { cwd: this.directory, env: this.environment };
    const { stdout } = await promisify(execFile)(binary, [...command, "-o", "json"], options);
    return JSON.parse(stdout);
  }
}

/** The Cookie header that a browser with this session sends. */
export function cookieHeader(session: Session, refCode?: string): string {
  const cookies = [`nl_session=${session.nl_session}`, `nl_csrf=${session.nl_csrf}`];
  if (refCode !== undefined) cookies.push(`ref_code=${refCode}`);
  return cookies.join("; ");
}
