import HTTP

extension Settings {
  /// Who is let in, and from where.
  static let access: [Setting] = [
    .text(
      "--jwks", "FILE or URL", "ORCHESTRATOR_JWKS", \.issuerKeys, standard: "no tokens of others",
      "JSON Web Key Set of the issuer whose tokens are taken: RS256, and HS256 from a file; read again every five minutes, "
        + "and when a token names a key that is not in it"),
    .text("--jwt-issuer", "TEXT", "ORCHESTRATOR_JWT_ISSUER", \.issuer, "`iss` of those tokens; needed with the keys"),
    .text("--jwt-audience", "TEXT", "ORCHESTRATOR_JWT_AUDIENCE", \.audience, "what their `aud` must hold; needed with the keys"),
    .text(
      "--jwt-roles-claim", "NAME", "ORCHESTRATOR_JWT_ROLES_CLAIM", \.rolesClaim, standard: "`\(TokenClaims.rolesClaim)`",
      "claim that lists the user's roles, as a list or as words with spaces; the user is `sub`"),
    Setting(
      nil, nil, "ORCHESTRATOR_TOKEN_KEY", \.tokenKey, standard: "a random secret in the database",
      "what tokens of [accounts](#accounts) are signed with: a secret of 32 bytes or more (HS256), or an RSA private key in PEM "
        + "(RS256; its public half is at `/.well-known/jwks.json`); the same for all processes",
      isSecret: true
    ) { value in
      _ = try TokenSigner(value.text)
      return value.text
    },
    Setting(
      "--trusted-proxies", "A,...", "ORCHESTRATOR_TRUSTED_PROXIES", \.trustedProxies, standard: "none",
      "numeric addresses of the proxies in front, whose `X-Forwarded-For` counts for limits by address and the audit log"
    ) { try TrustedProxies($0.text) },
    Setting(
      "--allowed-origins", "A,...", "ORCHESTRATOR_ALLOWED_ORIGINS", \.crossOrigin, standard: "none",
      "origins such as `https://studio.example` whose pages may call the API from a browser (CORS)"
    ) { try $0.text.isEmpty ? nil : CrossOrigin($0.text) },
    .number(
      "--request-limit", "ORCHESTRATOR_REQUEST_LIMIT", \.requestLimit, in: 0...10_000_000,
      "requests to `/api` in 15 minutes, of a user or of an address without one, counted by each process; 0 for no limit"),
    Setting(
      "--webhook-addresses", "WHERE", "ORCHESTRATOR_WEBHOOK_ADDRESSES", \.webhookAddresses, standard: "`public`",
      "where [webhooks](api.md#webhooks) may be sent: `public` addresses, `loopback` for this machine too (and by plain `http`), or `any`"
    ) { try AddressPolicy(setting: $0.text) },
    Setting(
      nil, nil, "ORCHESTRATOR_TOKENS", \.accessTokens, standard: "development tokens",
      "fixed tokens: `token:user:role` separated by commas; a token has 16 or more characters; "
        + "[roles](api.md#who-may-do-what) joined by `+`",
      isSecret: true
    ) { value in
      _ = try Authentication(tokens: value.text)
      return value.text
    },
  ]
}
