/// Why a token is not taken; never shows the token.
enum TokenError: Error, Equatable, CustomStringConvertible {
  case malformed
  case algorithmNotAllowed
  case typeNotAllowed
  case extensionNotKnown
  case keyNotKnown
  case signatureWrong
  case expired
  case notYetValid
  case issuerNotTrusted
  case audienceWrong
  case claimMissing(String)

  var description: String {
    switch self {
    case .malformed: "it is no JSON Web Token"
    case .algorithmNotAllowed: "it is signed in a way that is not taken; HS256 and RS256 are"
    case .typeNotAllowed: "it is a token for something else"
    case .extensionNotKnown: "it asks for an extension that is not known"
    case .keyNotKnown: "its key is not known"
    case .signatureWrong: "its signature is wrong"
    case .expired: "it has expired"
    case .notYetValid: "it is not valid yet"
    case .issuerNotTrusted: "its issuer is not trusted"
    case .audienceWrong: "it is for another audience"
    case .claimMissing(let name): "its claim \"\(name)\" is missing or cannot be used"
    }
  }
}
